/*
 * Holds the state and tells whoever listens that it has changed.
 */

import { reduce } from "./reducer";
import { initialState, type Action, type State } from "./types";

export class Store {
  private state: State = initialState;
  private readonly listeners = new Set<() => void>();

  readonly get = (): State => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);

    return () => this.listeners.delete(listener);
  };

  readonly dispatch = (action: Action): void => {
    const next = reduce(this.state, action);

    if (next !== this.state) {
      this.state = next;
      this.listeners.forEach((listener) => listener());
    }
  };
}
