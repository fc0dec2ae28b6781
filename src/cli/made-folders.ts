import { rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from '../tensor/writes-files.ts'

/** Those made since a command began, each before those in it. */
let made: string[] = []

/** Makes a folder for what a command writes, and those on the way to it. */
export async function makeOutputFolder(path: string): Promise<void> {
  const first = await makeFolder(path)
  if (first === undefined) return
  const folders = [path]
  for (let at = path; at !== first && dirname(at) !== at; at = dirname(at)) folders.unshift(dirname(at))
  made.push(...folders)
}

/** Does a command; where it fails, the folders that were made for it and are still empty are taken away. */
export async function withOutputFolders<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command()
  } catch (error) {
    // One that is not empty stays, and so do those that it lies in.
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined)
    throw error
  } finally {
    made = []
  }
}
