import { systemObstacle } from '../tensor/writes-files.ts'

/** Writes to stdout, whatever that is: where it takes nothing, the command ends with a sentence that says why. */
export const print = (text: string): void => void process.stdout.write(text)

// Whatever stdout is, what it does not take comes as an event.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (| head) is no error.
  if (error.code === 'EPIPE') return
  process.stderr.write(`error (write-failed): stdout could not be written (${systemObstacle(error)}).\n`)
  process.exit(1)
})
