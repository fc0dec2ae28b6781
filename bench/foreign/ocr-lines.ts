import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { type RandomStream, randomStream } from '../../src/tensor/random.ts'

// Lines of text for a model that tells whether one lies upright or on its head. Old: dark words in Latin letters on light
// paper. New: other scripts, any colours, little contrast, blur and noise. Each line has words of its own.
export type Domain = 'old' | 'new'

const latin = [...'abcdefghijklmnopqrstuvwxyz']
const others = [[...'აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ'], [...'աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ']]
const fonts = ['DejaVu Sans', 'DejaVu Serif', 'DejaVu Sans Mono']

/** What PaddleOCR does to a line before the model: 48 pixels high, up to 192 wide, filled up on the right, -1 to 1, BGR. */
export const lineInput = {
  channels: 'bgr',
  layout: 'NCHW',
  resize: { height: 48, width: 192, fit: 'letterbox', align: 'start', fill: 127 },
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
}

/** Writes `count` lines of each direction as PNG into `folder`/0 and `folder`/180. `part` names the random stream. */
export async function drawLines(folder: string, domain: Domain, part: string, count: number): Promise<void> {
  const random = randomStream(9, `lines ${domain} ${part}`)
  for (const turn of [0, 180]) await mkdir(join(folder, String(turn)), { recursive: true })
  for (let line = 0; line < 2 * count; line++) {
    const turn = line % 2 === 0 ? 0 : 180
    const drawn = domain === 'old' ? await plainLine(random) : await noisy(await colouredLine(random), random)
    const file = join(folder, String(turn), `${String(line).padStart(5, '0')}.png`)
    await writeFile(file, await drawn.rotate(turn).png().toBuffer())
  }
}

/**
 * @throws Error where letters of the fonts are missing: other fonts, or boxes in place of letters, are other data. Drawn in
 * one font and another, the same word has to look otherwise, and so do two words in one.
 */
export async function checkFonts(): Promise<void> {
  const words = [latin, ...others].flatMap((letters) => [letters.slice(0, 5), letters.slice(5, 10)])
  const drawn = await Promise.all(
    fonts.flatMap((font) =>
      words.map(async (word) => {
        const pixels = await svg(word.join(''), font, 28, '#000', '#fff').raw().toBuffer()
        return pixels.toString('latin1')
      }),
    ),
  )
  if (new Set(drawn).size < drawn.length)
    throw new Error(
      `Lines of text are drawn in ${fonts.join(', ')} (Debian: fonts-dejavu), and some are not installed.`,
    )
}

function plainLine(random: RandomStream): Promise<Sharp> {
  const ink = 10 + random.integer(60)
  const paper = 215 + random.integer(40)
  return line(random, latin, [ink, ink, ink], [paper, paper, paper])
}

async function colouredLine(random: RandomStream): Promise<Sharp> {
  const letters = pick(random, others)
  const paper = [random.integer(256), random.integer(256), random.integer(256)]
  // In each channel ink is 60 to 120 away from paper, on the side where there is room.
  const ink = paper.map((value) =>
    value > 127 ? value - 60 - random.integer(60) : value + 60 + random.integer(60),
  )
  return (await line(random, letters, ink, paper)).blur(0.5 + random.uniform())
}

/** Adds normal noise of deviation 12 to every channel. */
async function noisy(drawn: Sharp, random: RandomStream): Promise<Sharp> {
  const { data, info } = await drawn.raw().toBuffer({ resolveWithObject: true })
  const pixels = Uint8ClampedArray.from(data, (value) => value + 12 * random.normal())
  const { width, height, channels } = info
  return sharp(pixels, { raw: { width, height, channels } })
}

/** A word of 5 to 9 letters, cut out with 2 to 8 pixels around them: nothing but the letters says which way is up. */
async function line(
  random: RandomStream,
  letters: readonly string[],
  ink: readonly number[],
  paper: readonly number[],
): Promise<Sharp> {
  const text = Array.from({ length: 5 + random.integer(5) }, () => pick(random, letters)).join('')
  const ground = `rgb(${paper.join()})`
  const drawn = svg(text, pick(random, fonts), 24 + random.integer(16), `rgb(${ink.join()})`, ground)
  const letterBox = await drawn.trim({ background: ground, threshold: 1 }).png().toBuffer()
  const [top, bottom, left, right] = Array.from({ length: 4 }, () => 2 + random.integer(7))
  return sharp(letterBox).extend({ top, bottom, left, right, background: ground })
}

/** A line on ample paper. */
function svg(text: string, font: string, size: number, ink: string, paper: string) {
  const width = text.length * size + 2 * size
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${3 * size}"><rect width="100%" height="100%" fill="${paper}"/>` +
        `<text x="${size}" y="${2 * size}" font-family="${font}" font-size="${size}" fill="${ink}">${text}</text></svg>`,
    ),
  ).removeAlpha()
}

function pick<T>(random: RandomStream, list: readonly T[]): T {
  const chosen = list[random.integer(list.length)]
  if (chosen === undefined) throw new Error('Nothing to pick from.')
  return chosen
}
