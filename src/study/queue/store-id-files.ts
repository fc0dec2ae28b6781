import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../../errors.ts'
import { foundAt, readUtf8 } from '../../tensor/reads-files.ts'
import { writeFirst } from '../../tensor/whole-files.ts'
import { makeFolder } from '../../tensor/writes-files.ts'

/** The file that says which store a folder is. */
export const STORE_FILE = 'store.json'

const storeSchema = z.object({ format: z.literal('holdfast-store'), version: z.literal(1), id: z.uuid() })

/**
 * What a store is told by on every machine, wherever its folder is mounted there. It is drawn when the folder is used first.
 *
 * @throws CheckpointError `store-damaged`; EnvironmentError `write-failed`.
 */
export async function storeId(store: string): Promise<string> {
  const file = join(store, STORE_FILE)
  await makeFolder(store)
  if (!(await foundAt(file))) {
    // Of several that come first at once one is right, and is the store's for good.
    await writeFirst(file, `${JSON.stringify({ format: 'holdfast-store', version: 1, id: randomUUID() })}\n`)
  }
  const text = await readUtf8(file, { kind: CheckpointError, code: 'store-damaged' })
  try {
    return storeSchema.parse(JSON.parse(text)).id
  } catch (cause) {
    throw new CheckpointError(
      'store-damaged',
      `${file} is damaged: it does not say which store this is. Remove it; it is then written anew, and workers have to be started again.`,
      { cause },
    )
  }
}
