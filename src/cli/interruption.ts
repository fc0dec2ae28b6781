/** What a process that ends by a signal is said to end with, as shells count: 128 and the signal's number. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const
const names = ['SIGINT', 'SIGTERM'] as const

/** What Ctrl-C and SIGTERM do to a command. */
export interface Interruption {
  /**
   * From now on the first signal asks for a clean end by aborting this, and says so with `say`. Then nobody listens any more, so
   * that the second ends the process at once, even in the middle of a call of the runtime, while no line of this program runs.
   */
  cleanly(say: (line: string) => void): AbortSignal
  /** The exit code for the signal that came; undefined while none has. */
  readonly code: number | undefined
}

/**
 * Listens for Ctrl-C and SIGTERM. Until a verb asks for a clean end, the first signal ends the process with a line that says so and the
 * code that shells give it. Imports nothing, so that it can be called before anything is loaded.
 *
 * @param options.json Whether stdout gets an object that says so, too.
 */
export function listenForSignals({ json }: { readonly json: boolean }): Interruption {
  let controller: AbortController | undefined
  let tell: (line: string) => void = () => {}
  let code: number | undefined
  const stop = (name: keyof typeof codes): void => {
    code = codes[name]
    for (const each of names) process.removeListener(each, stop)
    if (controller) {
      tell('Stopping after the step at hand; again to stop at once.')
      controller.abort()
      return
    }
    const message = 'Stopped; what was not finished is not written.'
    process.stderr.write(`${message}\n`)
    if (json) {
      process.stdout.write(`${JSON.stringify({ error: { code: 'interrupted', message } }, null, 2)}\n`)
    }
    process.exit(code)
  }
  for (const name of names) process.on(name, stop)
  return {
    cleanly: (say) => {
      tell = say
      controller ??= new AbortController()
      return controller.signal
    },
    get code() {
      return code
    },
  }
}
