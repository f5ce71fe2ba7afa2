/* Types of fake-server.mjs, as far as the tests use it. */

export interface FakeUser {
  id: string;
  username: string;
  password: string;
}

export interface FakeMessage {
  id: string;
  from: string;
  date: number;
  message: string;
  roomId: string;
}

export class FakeServer {
  constructor(options?: { prefix?: string; root?: string | null; links?: object });
  loseAcks: number;
  refuse: { error: string; retry: boolean }[];
  requests: string[];
  gap: boolean;
  refuseJoins: number;
  failNext: { path: string; status: number; times: number; body?: object } | null;
  sessions: Map<string, string>;
  addUser(name: string, password: string): FakeUser;
  session(userId: string): string;
  room(id: string): { id: string; names: string[]; messages: FakeMessage[] };
  append(roomId: string, from: string, message: string, date?: number): FakeMessage;
  say(roomId: string, from: string, message: string): FakeMessage;
  delete(roomId: string, id: string): void;
  cut(): void;
  listen(port?: number): Promise<string>;
  close(): Promise<void>;
}
