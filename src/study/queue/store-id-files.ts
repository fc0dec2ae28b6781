import { randomUUID } from 'node:crypto'
import { link, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../../errors.ts'
import { foundAt, readUtf8, systemCode } from '../../tensor/reads-files.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { makeFolder, writing } from '../../tensor/writes-files.ts'

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
    const beside = join(store, `${STORE_FILE}.${randomUUID()}.partial`)
    await writeWhole(
      beside,
      `${JSON.stringify({ format: 'holdfast-store', version: 1, id: randomUUID() })}\n`,
    )
    // Of several that come first at once one is linked, and is the store's for good.
    await writing(file, () =>
      link(beside, file).catch((cause: unknown) => {
        if (systemCode(cause) !== 'EEXIST') throw cause
      }),
    ).finally(() => rm(beside, { force: true }))
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
