import { DataError } from '../../errors.ts'

/** What can be special about an image, in words about several. */
const kinds = {
  depth: 'have more than 8 bits a channel and are read with 8 (the highest of their bits)',
  alpha: 'are transparent in places, where black shows',
  cmyk: 'are CMYK and are turned into RGB',
  pages: 'have several pages or frames, of which the first is read',
  turned: 'are turned as their EXIF orientation says',
} as const

export type ImageKind = keyof typeof kinds

/** The bit of each kind in what is kept of an image: never given another meaning. */
const bits: Readonly<Record<ImageKind, number>> = { depth: 1, alpha: 2, cmyk: 4, pages: 8, turned: 16 }
const allKinds = Object.keys(bits) as ImageKind[]

/** Kinds as a number. */
export const marksOf = (found: readonly ImageKind[]): number =>
  found.reduce((marks, kind) => marks | bits[kind], 0)

/** The kinds that a number stands for. */
export const kindsOf = (marks: number): ImageKind[] => allKinds.filter((kind) => (marks & bits[kind]) !== 0)

/** Listed at most; what is beyond is counted. */
const mostListed = 20
/** Where so many are bad reading stops: these are no images. */
const mostBad = 1000

/** What is found out about images while they are decoded. */
export interface ImageFindings {
  readonly see: (kind: ImageKind, place: string) => void
  /** Counts an image that cannot be decoded. */
  readonly bad: (error: DataError) => void
  /**
   * Sentences about what was done.
   *
   * @throws DataError `image-unreadable` with all images that cannot be decoded, where they are more than may be skipped.
   */
  readonly notes: () => readonly string[]
}

/** @param skip How many images that cannot be decoded are left out; default 0. */
export function imageFindings(skip = 0): ImageFindings {
  const seen = new Map<ImageKind, { count: number; readonly first: string }>()
  const bad: DataError[] = []
  const refuse = (): never => {
    const [first] = bad
    if (first && bad.length === 1) throw first
    throw new DataError(
      'image-unreadable',
      `${bad.length}${bad.length >= mostBad ? ' or more' : ''} images cannot be decoded: ${listed(bad)}. Replace or remove them, or leave out so many on purpose (--skip-bad ${bad.length}).`,
      { cause: first },
    )
  }
  return {
    see: (kind, place) => {
      const known = seen.get(kind)
      if (known) known.count++
      else seen.set(kind, { count: 1, first: place })
    },
    bad: (error) => {
      bad.push(error)
      if (bad.length > skip && bad.length >= mostBad) refuse()
    },
    notes: () => {
      if (bad.length > skip) refuse()
      const skipped =
        bad.length === 0
          ? []
          : [
              `${bad.length} ${bad.length === 1 ? 'image that cannot' : 'images that cannot'} be decoded ${bad.length === 1 ? 'is' : 'are'} left out: ${listed(bad)}.`,
            ]
      const special = [...seen].map(
        ([kind, { count, first }]) =>
          `${count.toLocaleString('en-US')} ${count === 1 ? 'image is one of those that' : 'images'} ${kinds[kind]}; the first is ${first}.`,
      )
      return [...skipped, ...special]
    },
  }
}

const listed = (errors: readonly DataError[]): string =>
  `${errors
    .slice(0, mostListed)
    .map(({ message }) =>
      message.replace(/: the image cannot be decoded: (.*)\. Replace or remove it\.$/s, ' ($1)'),
    )
    .join('; ')}${errors.length > mostListed ? `; and ${errors.length - mostListed} more` : ''}`
