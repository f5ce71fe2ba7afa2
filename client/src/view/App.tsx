import { useSelect } from "./context";
import { LoginScreen } from "./login/LoginScreen";
import { Shell } from "./Shell";
import { StartScreen } from "./StartScreen";

export function App() {
  const phase = useSelect((state) => state.phase);
  const bySite = useSelect((state) => state.bySite);
  const meId = useSelect((state) => state.me?.id);

  switch (phase) {
    case "starting":
    case "unreachable":
      return <StartScreen problem={phase === "unreachable" ? phase : null} />;

    case "out":
      return bySite ? <StartScreen problem="outside" /> : <LoginScreen />;

    case "in":
      return <Shell key={meId} />;
  }
}
