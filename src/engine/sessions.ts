/** What can be let go: a session of a runtime. */
interface Releasable {
  release(): Promise<void>
}

/** Sessions by what they were made of: opening the same graph again costs nothing while one is kept. */
export interface Sessions<S extends Releasable> {
  /** The session of this key, made if there is none. Several users may share it. */
  open(key: string, make: () => Promise<S>): Promise<S>
  /** One user less. Without users a session is kept for a while, then released. */
  close(key: string): Promise<void>
}

interface Entry<S> {
  readonly session: Promise<S>
  users: number
}

/**
 * @param idle How many sessions without users are kept; the one that was left longest ago goes first. A run opens the same
 * step for task after task, and the same measurement after each.
 */
export function keepSessions<S extends Releasable>(idle: number): Sessions<S> {
  // In order of last use.
  const entries = new Map<string, Entry<S>>()
  const touch = (key: string, entry: Entry<S>): void => {
    entries.delete(key)
    entries.set(key, entry)
  }
  return {
    open: async (key, make) => {
      const entry = entries.get(key) ?? { session: make(), users: 0 }
      entry.users++
      touch(key, entry)
      try {
        return await entry.session
      } catch (error) {
        entries.delete(key)
        throw error
      }
    },
    close: async (key) => {
      const entry = entries.get(key)
      if (!entry) return
      entry.users--
      touch(key, entry)
      const unused = [...entries].filter(([, { users }]) => users === 0)
      for (const [name, { session }] of unused.slice(0, Math.max(0, unused.length - idle))) {
        entries.delete(name)
        await (await session).release()
      }
    },
  }
}
