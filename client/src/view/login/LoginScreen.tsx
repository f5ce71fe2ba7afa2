import { useEffect, useId, useRef, useState, type FormEvent } from "react";

import { describeLogin, isAlike, isMismatch } from "../../text/describe";
import { text } from "../../text/en";
import { useChat, useSelect } from "../context";
import { Icon } from "../parts/Icon";
import { Logo } from "../parts/Logo";
import { NoticeBar } from "../NoticeBar";
import { DemoUsers } from "./DemoUsers";
import { ModeSwitch } from "./ModeSwitch";
import { NameField } from "./NameField";
import { PasswordField } from "./PasswordField";

const DEMO_PASSWORD = "password123";

interface Problem {
  words: string;
  field: "name" | "password" | "repeat" | null;
}

export function LoginScreen() {
  const chat = useChat();
  const links = useSelect((state) => state.links);
  const [creating, setCreating] = useState(false);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [repeat, setRepeat] = useState("");
  const [busy, setBusy] = useState(false);
  const [suggesting, setSuggesting] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const nameInput = useRef<HTMLInputElement>(null);
  const submitButton = useRef<HTMLButtonElement>(null);
  const hintId = useId();
  const problemId = useId();

  useEffect(() => {
    if (problem?.field === null) {
      submitButton.current?.focus();
    } else if (problem) {
      const wanted = problem.field === "name" ? "username" : problem.field;

      form.current?.querySelector<HTMLElement>(`[name="${wanted}"]`)?.focus();
    }
  }, [problem]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();

    const found = check(creating, name, password, repeat);

    setProblem(found);

    if (found || busy) {
      return;
    }

    setBusy(true);

    try {
      await chat.login(name, password, creating);
    } catch (error) {
      setBusy(false);
      setProblem({
        words: describeLogin(error, creating),
        field: isAlike(error)
          ? "name"
          : isMismatch(error)
            ? creating
              ? "name"
              : "password"
            : null,
      });
    }
  };

  const suggest = async () => {
    setSuggesting(true);

    try {
      setName(await chat.suggestName());
      setProblem(null);
      nameInput.current?.focus();
    } catch {
      setProblem({ words: text.login.noName, field: null });
    } finally {
      setSuggesting(false);
    }
  };

  const pickDemo = (user: string) => {
    setCreating(false);
    setName(user);
    setPassword(DEMO_PASSWORD);
    setProblem(null);
    submitButton.current?.focus();
  };

  const switchMode = (next: boolean) => {
    setCreating(next);
    setRepeat("");
    setProblem(null);
  };

  const describedBy = problem ? `${problemId} ${hintId}` : hintId;

  return (
    <main className="login">
      <div className="login-card">
        <header className="login-head">
          <Logo />
          <h1 className="sr-only">{text.appName}</h1>
          <p className="soft">{text.login.tagline}</p>
        </header>

        <form ref={form} noValidate onSubmit={(event) => void submit(event)}>
          <ModeSwitch creating={creating} onChange={switchMode} />

          <NameField
            value={name}
            inputRef={nameInput}
            invalid={problem?.field === "name"}
            describedBy={describedBy}
            onChange={setName}
            onSuggest={creating ? () => void suggest() : undefined}
            suggesting={suggesting}
          />
          <PasswordField
            label={text.login.password}
            name="password"
            value={password}
            isNew={creating}
            invalid={problem?.field === "password"}
            describedBy={problem ? problemId : undefined}
            onChange={setPassword}
          />
          {creating && (
            <PasswordField
              label={text.login.repeat}
              name="repeat"
              value={repeat}
              isNew
              invalid={problem?.field === "repeat"}
              describedBy={problem ? problemId : undefined}
              onChange={setRepeat}
            />
          )}

          <div>
            <p id={hintId} className="login-hint soft">
              {creating ? text.login.hintCreate : text.login.hintLogIn}
            </p>
            <div role="alert" id={problemId}>
              {problem && (
                <p className="problem">
                  <Icon name="alert" />
                  <span>{problem.words}</span>
                </p>
              )}
            </div>
          </div>

          <button
            ref={submitButton}
            className="button wide"
            disabled={busy}
            aria-busy={busy}
          >
            {busy
              ? creating
                ? text.login.busyCreate
                : text.login.busyLogIn
              : creating
                ? text.login.create
                : text.login.logIn}
          </button>
        </form>

        {links.demoUsers && links.demoUsers.length > 0 && (
          <DemoUsers names={links.demoUsers} onPick={pickDemo} />
        )}
      </div>

      {links.github && (
        <footer className="login-foot">
          <a href={links.github} target="_blank" rel="noopener noreferrer">
            <Icon name="code" />
            {text.login.source}
          </a>
        </footer>
      )}
      <NoticeBar />
    </main>
  );
}

function check(
  creating: boolean,
  name: string,
  password: string,
  repeat: string,
): Problem | null {
  if (name.trim() === "") {
    return {
      words: creating ? text.login.needNewName : text.login.needName,
      field: "name",
    };
  }

  if (password === "") {
    return {
      words: creating ? text.login.needNewPassword : text.login.needPassword,
      field: "password",
    };
  }

  if (creating && password !== repeat) {
    return { words: text.login.mismatch, field: "repeat" };
  }

  return null;
}
