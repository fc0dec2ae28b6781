import { join } from 'node:path'
import { itemAt } from '../../required.ts'
import { listFolder } from '../../tensor/reads-files.ts'
import { type ImageListing, listClassFolders, listImages, visibleFolders } from '../images/index-files.ts'
import { preview } from '../names/index.ts'
import { metadataSource } from './image-metadata-files.ts'
import type { Source, SourceOptions, Sources } from './source.ts'
import { splitOfFile } from './split-names.ts'

/** Image folders: `{train,test}/<class>/*`, `{train,test}/metadata.csv`, or `<class>/*`; without labels images in the folder itself. */
export async function openImages(
  folder: string,
  options: SourceOptions,
  wanted: string | undefined,
): Promise<Sources | undefined> {
  const folders = await visibleFolders(folder)
  const sources = new Map<string, Source>()
  for (const name of folders) {
    const split = splitOfFile(name, wanted)
    if (split === undefined) continue
    const inner = join(folder, name)
    const metadata = metadataSource(inner, await listFolder(inner), options)
    // Pictures of trains may lie in a folder of that name: a split has folders of its own.
    const divided = (await visibleFolders(inner)).length > 0
    if (metadata) sources.set(split, metadata)
    else if (divided || options.unlabelled)
      sources.set(split, imageSource(await listing(inner, options), options))
  }
  const others = folders.filter((name) => splitOfFile(name, wanted) === undefined)
  if (sources.size > 0 && others.length > 0) {
    options.onNote?.(
      `${folder}: folders that are not named for a part (train, validation, test) are not read: ${preview(others)}.`,
    )
  }
  if (sources.size > 0) return sources
  if (folders.length === 0 && !options.unlabelled) return undefined
  return new Map([['train', imageSource(await listing(folder, options), options)]])
}

async function listing(folder: string, options: SourceOptions): Promise<ImageListing> {
  if (!options.unlabelled || (await visibleFolders(folder)).length > 0) {
    const found = await listClassFolders(folder)
    return options.unlabelled ? { ...found, classes: [] } : found
  }
  return { images: await listImages(folder), classes: [], notes: [] }
}

function imageSource({ images, classes, notes }: ImageListing, { onNote }: SourceOptions): Source {
  return {
    async *parts(rows) {
      for (const note of notes) onNote?.(note)
      for (let start = 0; start < images.length; start += rows) {
        const slice = images.slice(start, start + rows)
        yield {
          inputs: { images: slice },
          total: images.length,
          labels:
            classes.length === 0
              ? { type: 'float32', dims: [slice.length, 0], data: new Float32Array() }
              : {
                  kind: 'classification',
                  values: classes.slice(start, start + rows),
                  locate: (row) => itemAt(slice, row, 'image').place,
                },
        }
      }
    },
  }
}
