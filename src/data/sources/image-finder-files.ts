import { basename, dirname, extname, isAbsolute, join } from 'node:path'
import { DataError } from '../../errors.ts'
import { foundAt, listFolder } from '../../tensor/reads-files.ts'
import type { TableOptions } from '../formats/index.ts'
import { isImageName } from '../images/index.ts'
import { visibleFolders } from '../images/index-files.ts'
import { sorted } from '../names/index.ts'
import type { ImageReference } from '../parts.ts'

/** Finds the images that a table names, beside it. */
export interface ImageFinder {
  /** The path of an image, by its name with or without its extension; undefined where there is none. */
  readonly find: (name: string) => Promise<string | undefined>
  /** The same for an image of a table's row; one that is not there keeps the path that it should have. */
  readonly resolve: (image: ImageReference) => Promise<ImageReference>
}

interface Listing {
  readonly names: ReadonlySet<string>
  /** Names without extension; undefined where two files share one. */
  readonly stems: ReadonlyMap<string, string | undefined>
}

/**
 * Looks for images as competitions lay them out: the table beside the images, or beside one or more folders of them, with names that may lack the
 * extension. Of several folders the one that is named for the table's split comes first (`train_images` for `train.csv`).
 *
 * @param table The table's path.
 */
export function imageFinder(table: string, { onNote }: Pick<TableOptions, 'onNote'>): ImageFinder {
  const folder = dirname(table)
  const stem = basename(table)
    .replace(/[.-].*$/, '')
    .toLowerCase()
  const listings = new Map<string, Promise<Listing>>()
  const list = (place: string): Promise<Listing> => {
    const known = listings.get(place) ?? listImageNames(place)
    listings.set(place, known)
    return known
  }
  let places: readonly string[] | undefined
  const located = async (name: string) => {
    places ??= await placesFor(folder, stem)
    for (const place of places) {
      const within = join(place, dirname(name))
      const { names, stems } = await list(within)
      const wanted = basename(name)
      const file = names.has(wanted) ? wanted : stems.get(wanted)
      if (file === undefined) continue
      return { place, path: join(within, file) }
    }
    return undefined
  }
  const resolve = async (image: ImageReference): Promise<ImageReference> => {
    if (image.file === undefined || isAbsolute(image.file)) return image
    const found = await located(image.file)
    if (found) {
      if (found.place !== folder) onNote?.(`${table}: its images are taken from ${found.place}.`)
      return { ...image, file: found.path }
    }
    if (isImageName(image.file)) return { ...image, file: join(folder, image.file) }
    throw new DataError(
      'image-missing',
      `${image.place}: there is no image '${image.file}', with or without an extension, in ${(places ?? [folder]).join(', ')}. Put the images beside the table, or say which column names them (imageColumn).`,
    )
  }
  return { find: async (name) => (await located(name))?.path, resolve }
}

async function placesFor(folder: string, stem: string): Promise<readonly string[]> {
  const inner = sorted(await visibleFolders(folder))
  const own = inner.filter((name) => name.toLowerCase().startsWith(stem))
  return [
    folder,
    ...[...own, ...inner.filter((name) => !own.includes(name))].map((name) => join(folder, name)),
  ]
}

async function listImageNames(place: string): Promise<Listing> {
  // A folder that is not there holds nothing; what is missing is said of the image.
  const names = (await foundAt(place))?.isDirectory()
    ? (await listFolder(place)).filter((name) => isImageName(name))
    : []
  const stems = new Map<string, string | undefined>()
  for (const name of names) {
    const stem = name.slice(0, name.length - extname(name).length)
    stems.set(stem, stems.has(stem) ? undefined : name)
  }
  return { names: new Set(names), stems }
}
