import type { Dirent, Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { DataError } from '../../errors.ts'
import { reading } from '../../tensor/reads-files.ts'
import { sorted } from '../names/index.ts'
import type { ImageReference } from '../parts.ts'
import { imageFormats, isImageName, isLitter } from './image-names.ts'

/** The images of a folder `<class>/*`, and the class of each. */
export interface ImageListing {
  readonly images: readonly ImageReference[]
  readonly classes: readonly string[]
  /** What was not taken for a class, or not read. */
  readonly notes: readonly string[]
}

/** What lies in a folder, links followed. */
interface Contents {
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

/**
 * Lists `folder/<class>/*`; the class of an image is its folder's name. Classes and files are taken in code-point order. Links are followed.
 * Hidden files and what systems leave behind are passed over; any other file that is not an image is an error.
 *
 * @throws DataError `image-folder` naming the file; also for a link that leads nowhere or back up, and for two classes that are one folder.
 */
export async function listClassFolders(folder: string): Promise<ImageListing> {
  const { folders, files } = await contentsOf(folder)
  const places = new Map<string, string>()
  const images: ImageReference[] = []
  const classes: string[] = []
  const empty: string[] = []
  for (const name of folders) {
    const place = await reading(join(folder, name), () => realpath(join(folder, name)))
    const twin = places.get(place)
    if (twin !== undefined) {
      throw new DataError(
        'image-folder',
        `${join(folder, name)}: this is the same folder as ${twin}, so that each of its images would have two classes. Take one of the two links away.`,
      )
    }
    places.set(place, name)
    const found = await listImages(join(folder, name))
    if (found.length === 0) empty.push(name)
    for (const image of found) {
      images.push(image)
      classes.push(name)
    }
  }
  if (images.length === 0) {
    throw new DataError(
      'image-folder',
      `${folder}: expected folders of images, one for each class, found none.`,
    )
  }
  const outside = files.filter(isImageName)
  return {
    images,
    classes,
    notes: [
      ...(empty.length > 0
        ? [`${folder}: no class is made of folders without images: ${shown(empty)}.`]
        : []),
      ...(outside.length > 0
        ? [`${folder}: images that lie in no class's folder are not read: ${shown(outside)}.`]
        : []),
    ],
  }
}

/** The images that lie in `folder` itself, as {@link listClassFolders} takes them. */
export async function listImages(folder: string): Promise<ImageReference[]> {
  const { folders, files } = await contentsOf(folder)
  const strangers = [...folders, ...files.filter((name) => !isImageName(name))]
  if (strangers.length > 0) {
    const [first = ''] = strangers
    throw new DataError(
      'image-folder',
      `${join(folder, first)}: expected only images in a class's folder, by their names ${imageFormats}, found ${folders.includes(first) ? 'a folder' : 'another file'}${strangers.length > 1 ? `, and ${strangers.length - 1} more such` : ''}. Move ${strangers.length > 1 ? 'them' : 'it'} away.`,
    )
  }
  return files.map((name) => ({ place: join(folder, name), file: join(folder, name) }))
}

/** The names of the folders in `folder`, links to folders among them, sorted; hidden ones and those of systems are passed over. */
export async function visibleFolders(folder: string): Promise<string[]> {
  return [...(await contentsOf(folder)).folders]
}

async function contentsOf(folder: string): Promise<Contents> {
  const entries = (await reading(folder, () => readdir(folder, { withFileTypes: true }))).filter(
    ({ name }) => !isLitter(name),
  )
  const folders: string[] = []
  const files: string[] = []
  for (const entry of entries) {
    if (isNoFile(entry)) throw noFile(join(folder, entry.name))
    const isFolder = entry.isSymbolicLink() ? await leadsToFolder(folder, entry.name) : entry.isDirectory()
    ;(isFolder ? folders : files).push(entry.name)
  }
  return { folders: sorted(folders), files: sorted(files) }
}

/** Opening a pipe waits for somebody to write to it. */
const isNoFile = (found: Stats | Dirent): boolean =>
  found.isFIFO() || found.isSocket() || found.isCharacterDevice() || found.isBlockDevice()

const noFile = (path: string): DataError =>
  new DataError('image-folder', `${path}: this is a pipe or a device, and no image. Take it away.`)

async function leadsToFolder(folder: string, name: string): Promise<boolean> {
  const path = join(folder, name)
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ELOOP' ? 'it leads in a circle' : 'what it leads to is not there'
    throw new DataError(
      'image-folder',
      `${path}: this link cannot be followed: ${why}. Mend it or take it away.`,
      { cause },
    )
  })
  if (isNoFile(found)) throw noFile(path)
  if (!found.isDirectory()) return false
  const [target, own] = [await realpath(path), await realpath(folder)]
  if (own === target || own.startsWith(target.endsWith(sep) ? target : `${target}${sep}`)) {
    throw new DataError(
      'image-folder',
      `${path}: this link leads back up to ${target}, so that it has no end. Take it away.`,
    )
  }
  return true
}

const shown = (names: readonly string[]): string =>
  `${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`
