import { useSelect } from "./context";
import { LoginScreen } from "./login/LoginScreen";
import { Shell } from "./Shell";
import { StartScreen } from "./StartScreen";

export function App() {
  const phase = useSelect((state) => state.phase);
  const meId = useSelect((state) => state.me?.id);

  switch (phase) {
    case "starting":
    case "unreachable":
      return <StartScreen failed={phase === "unreachable"} />;

    case "out":
      return <LoginScreen />;

    case "in":
      return <Shell key={meId} />;
  }
}
