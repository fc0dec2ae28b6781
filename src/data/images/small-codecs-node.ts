import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { PlainHeader } from './plain-headers.ts'

/**
 * Decodes plain images of one format on the calling thread: to one channel, or three interleaved.
 *
 * @returns undefined where the image is transparent in places, or damaged.
 */
type SmallDecoder = (bytes: Uint8Array, header: PlainHeader) => Uint8Array | undefined

type Format = PlainHeader['format']

const loaders: Readonly<Record<Format, () => Promise<SmallDecoder>>> = { jpeg: jpegDecoder, png: pngDecoder }
const loading = new Map<Format, Promise<SmallDecoder>>()

/** The decoder of a format, loaded at first use. To be asked for again after each image: one that met a damaged file is done with. */
export function smallDecoder(format: Format): Promise<SmallDecoder> {
  const decoder = loading.get(format) ?? loaders[format]()
  loading.set(format, decoder)
  return decoder
}

async function pngDecoder(): Promise<SmallDecoder> {
  const { decode } = await import('@cwasm/lodepng')
  return (bytes, header) =>
    opaque(
      attempt(() => decode(bytes).data),
      header,
    )
}

/** What decoders throw differs, and what it says is left to sharp, which looks at the file again. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}

let turbo: WebAssembly.Module | undefined

/** libjpeg-turbo in WebAssembly; it warns of damage by throwing. */
async function jpegDecoder(): Promise<SmallDecoder> {
  const { default: factory } = await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs')
  const path = createRequire(import.meta.url).resolve('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm')
  turbo ??= new WebAssembly.Module(readFileSync(path))
  const module = turbo
  const { JPEGDecoder } = await factory({
    instantiateWasm: (imports, done) => {
      const instance = new WebAssembly.Instance(module, imports)
      done(instance)
      return instance.exports
    },
  })
  const decoder = new JPEGDecoder()
  let failed = false
  return (bytes) => {
    if (failed) return undefined
    const pixels = attempt(() => {
      decoder.getEncodedBuffer(bytes.length).set(bytes)
      decoder.decode()
      return decoder.getDecodedBuffer()
    })
    if (pixels) return new Uint8Array(pixels.buffer)
    // An error does not unwind the module's stack, so it is not used again.
    failed = true
    loading.delete('jpeg')
    return undefined
  }
}

/** RGBA without its alpha, where that hides nothing; of grey images one channel. */
function opaque(rgba: Uint8ClampedArray | undefined, { colours }: PlainHeader): Uint8Array | undefined {
  if (!rgba) return undefined
  const channels = colours === 'grey' ? 1 : 3
  const pixels = new Uint8Array((rgba.length / 4) * channels)
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    if (rgba[from + 3] !== 255) return undefined
    for (let channel = 0; channel < channels; channel++) pixels[to++] = rgba[from + channel] ?? 0
  }
  return pixels
}
