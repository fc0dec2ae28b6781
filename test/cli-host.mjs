// Runs command lines one after another in one process, each as a process of its own would: the program's module is evaluated
// anew each time, while the packages that it needs (most of what a start costs) are loaded once. See cli.ts.
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const [, , file] = process.argv
const program = pathToFileURL(file).href
const begun = process.cwd()
let count = 0

/** What keeps a process from ending; after a command that left none of it behind, its process would end. */
const holding = () => {
  const kinds = ['MessagePort', 'Timeout', 'ProcessWrap', 'TCPServerWrap', 'TCPSocketWrap', 'FSReqPromise']
  return process.getActiveResourcesInfo().filter((kind) => kinds.includes(kind)).length
}

async function leftBehind(before) {
  for (let turn = 0; turn < 100; turn++) {
    if (holding() <= before) return false
    await setTimeout(20, undefined, { ref: false })
  }
  return holding() > before
}

const listeners = () =>
  [process.stdout, process.stderr, process].flatMap((emitter) =>
    emitter.eventNames().flatMap((name) => emitter.rawListeners(name).map((each) => [emitter, name, each])),
  )

const finished = (stream, mark) => new Promise((done) => stream.write(mark, done))

process.on('message', async ({ words, cwd, mark }) => {
  const before = { holding: holding(), listeners: new Set(listeners().map(([, , each]) => each)) }
  process.chdir(cwd)
  process.argv = [process.execPath, file, ...words]
  process.exitCode = undefined
  let failure
  try {
    await import(`${program}?run=${++count}`)
  } catch (error) {
    failure = String(error?.stack ?? error)
  }
  for (const [emitter, name, each] of listeners()) if (!before.listeners.has(each)) emitter.off(name, each)
  if (!failure && (await leftBehind(before.holding)))
    failure = 'The command left something open: its process would not end.'
  const code = process.exitCode ?? 0
  process.exitCode = undefined
  process.chdir(begun)
  await Promise.all([finished(process.stdout, mark), finished(process.stderr, mark)])
  process.send({ code, failure })
})
