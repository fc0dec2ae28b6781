import { systemObstacle } from '../tensor/writes-files.ts'

/** Writes to stdout, whatever that is: where it takes nothing, the command ends with a sentence that says why. */
export function print(text: string): void {
  try {
    process.stdout.write(text)
  } catch (error) {
    refused(error as NodeJS.ErrnoException)
  }
}

function refused(error: NodeJS.ErrnoException): void {
  // A reader that has seen enough (| head) is no error.
  if (error.code === 'EPIPE') return
  process.stderr.write(`error (write-failed): stdout could not be written (${systemObstacle(error)}).\n`)
  process.exit(1)
}

process.stdout.on('error', refused)
