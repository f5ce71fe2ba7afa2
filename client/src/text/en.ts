/*
 * All words a person can read, in one place: a translation is this file.
 */

const plural = (n: number, one: string, many: string) => (n === 1 ? one : many);

const list = (names: string[]): string =>
  names.length < 2
    ? (names[0] ?? "")
    : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;

export const text = {
  appName: "Ngx Chat",

  title: {
    plain: "Ngx Chat",
    room: (room: string) => `${room} · Ngx Chat`,
    unread: (count: number, rest: string) => `(${count}) ${rest}`,
  },

  start: {
    loading: "Opening the chat…",
    unreachable: {
      title: "The chat can't be reached",
      hint: "It is tried again by itself every few seconds.",
    },
    outside: {
      title: "You are not in the chat",
      hint: "It goes by the log-in of the site that it is on.",
    },
    again: "Try again",
  },

  login: {
    tagline: "Talk to everybody, or to one person.",
    logIn: "Log in",
    create: "Create account",
    modes: "Log in or create an account",
    name: "Name",
    password: "Password",
    repeat: "Password again",
    show: "Show password",
    hide: "Hide password",
    suggest: "Suggest a name",
    hintLogIn:
      "Mind the spelling of your name: a new name creates an account with this password.",
    hintCreate:
      "A new name creates an account. There is no way to recover a password, so keep it well.",
    busyLogIn: "Logging in…",
    busyCreate: "Creating your account…",
    demo: "Or look around as a demo user",
    demoHint: (name: string) => `Fill in the name and password of ${name}`,
    source: "Source code",
    needName: "Enter your name.",
    needNewName: "Choose a name.",
    needPassword: "Enter your password.",
    needNewPassword: "Choose a password.",
    mismatch: "The two passwords differ.",
    wrong:
      "This password doesn't belong to this name. Check both; a name has to be written exactly as it was created.",
    taken: "This name is taken. Choose another one, or log in if it is yours.",
    alike:
      "This name looks like one that somebody has. Choose another one, or log in if it is yours.",
    almost:
      "There is no such name, but one that looks like it. A name has to be written exactly as it was created.",
    tooMany: (seconds: number) =>
      seconds > 0
        ? `Too many tries. Wait ${seconds} ${plural(seconds, "second", "seconds")}, then try again.`
        : "Too many tries. Wait a minute, then try again.",
    noName: "No name could be suggested just now.",
  },

  notice: {
    created: (name: string) => `Welcome, ${name}. Your account has been created.`,
    createdByLogIn: (name: string) =>
      `There was no account called “${name}”, so a new one has been created. If you mistyped your name, log out and try again.`,
    existed: (name: string) =>
      `You already had the account “${name}” with this password, so you have been logged in to it.`,
    sessionEnded:
      "Your session has ended. Log in again to go on; nothing you typed is lost.",
    logoutFailed: (why: string) => `You are still logged in. ${why}`,
    openFailed: (why: string) => `The conversation couldn't be opened. ${why}`,
    notificationsDenied:
      "The browser doesn't allow notifications for this site. You can change that in its settings.",
    close: "Close this notice",
  },

  error: {
    offline: "You are offline.",
    unreachable: "The server can't be reached. Check your connection.",
    timeout: "The server took too long to answer.",
    tooLarge: "That is too long for the server.",
    tooMany: "Too many requests. Wait a moment.",
    gateway: "The server behind the site isn't answering. It may be restarting.",
    unavailable: "The server is busy or its storage is away. Try again in a moment.",
    notAllowed: "You are not allowed to do that.",
    gone: "That doesn't exist any more.",
    server: (status: number) => `The server reported an error (${status}).`,
    garbled: "The server gave an answer that makes no sense.",
    again: "Try again",
  },

  link: {
    connecting: "Connecting…",
    lost: "Connection lost. Reconnecting…",
    offline: "You are offline. Messages are kept and sent once you are back.",
    restored: "Back online",
    now: "Try now",
  },

  sidebar: {
    label: "Conversations and people",
    rooms: "Conversations",
    people: "Online now",
    search: "Search rooms and people",
    clearSearch: "Clear search",
    nobody: "Nobody else is online.",
    nothing: (query: string) => `Nothing found for “${query}”.`,
    roomsFailed: "Your conversations couldn't be loaded.",
    peopleFailed: "Who is online couldn't be loaded.",
    loading: "Loading conversations",
    more: (count: number) => `and ${count} more; search to find them`,
    noMessages: "No messages yet",
    draft: "Draft:",
    you: "You:",
    unread: (count: number, more: boolean) =>
      `${count}${more ? " or more" : ""} unread ${plural(count, "message", "messages")}`,
    badge: (count: number, more: boolean) =>
      count > 99 ? "99+" : `${count}${more ? "+" : ""}`,
    online: "online",
    offline: "offline",
    /** A name follows. */
    writeTo: "Write to",
    yesterday: "Yesterday",
  },

  account: {
    /** A name follows. */
    menu: "Account menu of",
    notifications: "Notifications",
    notificationsHint: "For private messages while you look elsewhere",
    logOut: "Log out",
    logOutEverywhere: "Log out on all devices",
    source: "Source code",
    signedInAs: "Logged in as",
  },

  room: {
    back: "Back to conversations",
    messages: (room: string) => `Messages in ${room}`,
    online: "Online",
    offline: "Offline",
    lost: "Waiting for the connection",
    count: (count: number) => `${count} ${plural(count, "person", "people")} online`,
    unknown: "This conversation doesn't exist, or isn't yours.",
    toGeneral: "Go to General",
    empty: "Nothing has been said here yet. Be the first.",
    emptyPrivate: (name: string) =>
      `This is the beginning of your conversation with ${name}.`,
    loading: "Loading messages",
    failed: "The messages couldn't be loaded.",
    olderLoading: "Loading older messages…",
    olderFailed: "Older messages couldn't be loaded.",
    beginning: "This is where it began",
    newMessages: "New messages",
    jump: "Jump to newest",
    jumpUnread: (count: number) =>
      `${count} new ${plural(count, "message", "messages")}, jump to newest`,
    today: "Today",
    yesterday: "Yesterday",
    you: "You",
    somebody: (id: string) => `User ${id}`,
    said: (who: string, what: string) => `${who}: ${what}`,
    many: (count: number, room: string) => `${count} new messages in ${room}`,
  },

  message: {
    /** A name follows. */
    writeTo: "Write in private to",
    sending: "Sending",
    waiting: "Waiting for the connection",
    sent: "Sent",
    failed: "Not sent.",
    failedUnknown: "No answer came. It may be too long, or the server busy.",
    again: "Try again",
    edit: "Edit",
    discard: "Delete",
  },

  composer: {
    label: (room: string) => `Message to ${room}`,
    placeholder: "Write a message",
    send: "Send",
    hint: "Enter sends, Shift and Enter make a new line",
  },

  presence: {
    connected: (names: string[]) => `${list(names)} connected`,
    left: (names: string[]) => `${list(names)} left`,
    others: (names: string[], more: number) => [
      ...names,
      `${more} ${plural(more, "other", "others")}`,
    ],
  },
};
