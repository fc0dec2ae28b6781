import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { type RandomStream, randomStream } from '../../src/index.ts'

/** Height and width of a picture in pixels. */
export const side = 16

/** Outlines of signs, drawn around the origin within a radius of 6. */
const outlines: Readonly<Record<string, string>> = {
  circle: '<circle r="5.5"/>',
  cross: '<path d="M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z"/>',
  square: '<rect x="-5" y="-5" width="10" height="10"/>',
  triangle: '<path d="M0-6L6 5H-6Z"/>',
  stripes: '<path d="M-6-6H6V-2.5H-6ZM-6 2.5H6V6H-6Z"/>',
}

export interface Drawn {
  readonly classes: readonly string[]
  /** Pictures of each class. */
  readonly perClass: number
  readonly seed: number
  /** 1, the default, is day; towards 0 it gets dark. */
  readonly light?: number
}

/** Draws signs as PNG files into a folder for each class: they stand for the pictures of your camera. */
export async function drawSigns(
  folder: string,
  { classes, perClass, seed, light = 1 }: Drawn,
): Promise<void> {
  const random = randomStream(seed, 'signs')
  for (const name of classes) {
    await mkdir(join(folder, name), { recursive: true })
    const signs = Array.from({ length: perClass }, (_, at) => {
      const drawn = sign(outlines[name] ?? '', light, random)
      return `<svg x="${side * at}" width="${side}" height="${side}" viewBox="-8 -8 16 16">${drawn}</svg>`
    })
    const strip = `<svg xmlns="http://www.w3.org/2000/svg" width="${side * perClass}" height="${side}">${signs.join('')}</svg>`
    const { data, info } = await sharp(Buffer.from(strip))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    const picture = (at: number) =>
      sharp(data, { raw: info })
        .extract({ left: side * at, top: 0, width: side, height: side })
        .toFile(join(folder, name, `${String(at).padStart(4, '0')}.png`))
    await Promise.all(signs.map((_, at) => picture(at)))
  }
}

/** A light sign on a dark ground, somewhat turned, smaller and aside. */
function sign(outline: string, light: number, random: RandomStream): string {
  const between = (from: number, to: number) => from + (to - from) * random.uniform()
  const colour = (from: number, to: number) =>
    `rgb(${[0, 1, 2].map(() => Math.round(light * between(from, to))).join()})`
  const place = `translate(${between(-1.5, 1.5)} ${between(-1.5, 1.5)}) rotate(${between(-20, 20)}) scale(${between(0.7, 1.05)})`
  return (
    `<rect x="-8" y="-8" width="16" height="16" fill="${colour(20, 120)}"/>` +
    `<g transform="${place}" fill="${colour(180, 255)}">${outline}</g>`
  )
}
