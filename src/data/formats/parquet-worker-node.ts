import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { type MessagePort, Worker } from 'node:worker_threads'
import type { FileMetaData, ParquetReadOptions } from 'hyparquet'
import { DataError } from '../../errors.ts'
import { machineMemory } from '../machine-memory-node.ts'

/** A Parquet file, read by a thread of its own: what is in the file may keep a reader busy for ever, or fill its memory. */
export interface ParquetReader {
  readonly metadata: FileMetaData
  /**
   * Rows from `start` to before `end`, each with the columns in order.
   *
   * @param seconds How long it may take.
   */
  readonly read: (
    range: { readonly start: number; readonly end: number },
    columns: readonly string[],
    how: { readonly useOffsetIndex: boolean; readonly seconds: number },
  ) => Promise<readonly (readonly unknown[])[]>
  readonly close: () => Promise<void>
}

/** Modules that the thread loads, by their addresses. */
interface Modules {
  readonly hyparquet: string
  readonly compressors: string
}

type Request =
  | { readonly type: 'open' }
  | {
      readonly type: 'read'
      readonly rowStart: number
      readonly rowEnd: number
      readonly columns: string[]
      readonly useOffsetIndex: boolean
    }

type Reply = { readonly value: unknown } | { readonly problem: string }

/** Seconds that a file may take to be opened, and beyond that any piece of it. */
export const patience = 20

/**
 * Opens a Parquet file.
 *
 * @param seconds How long that may take.
 * @throws DataError `parquet-damaged`, `parquet-endless`.
 */
export async function openParquet(path: string, seconds: number = patience): Promise<ParquetReader> {
  const resolve = (name: string) => pathToFileURL(createRequire(import.meta.url).resolve(name)).href
  const modules: Modules = {
    hyparquet: resolve('hyparquet'),
    compressors: resolve('hyparquet-compressors'),
  }
  // A file of its own would have another name in the sources than when built; what tools make of `import()` in a function, too, differs.
  const code = `(${serve.toString()})((name) => import(name), require('node:worker_threads'))`
  const worker = new Worker(code, {
    eval: true,
    workerData: { path, modules },
    resourceLimits: { maxOldGenerationSizeMb: Math.floor(machineMemory() / 4 / 2 ** 20) },
  })
  worker.unref()
  try {
    const metadata = (await ask(worker, path, { type: 'open' }, seconds)) as FileMetaData
    return {
      metadata,
      read: async ({ start, end }, columns, how) => {
        const request = {
          rowStart: start,
          rowEnd: end,
          columns: [...columns],
          useOffsetIndex: how.useOffsetIndex,
        }
        return (await ask(worker, path, { type: 'read', ...request }, how.seconds)) as unknown[][]
      },
      close: async () => {
        await worker.terminate()
      },
    }
  } catch (error) {
    await worker.terminate()
    throw error
  }
}

function ask(worker: Worker, path: string, request: Request, seconds: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const answered = (reply: Reply): void => {
      settle()
      if ('problem' in reply) reject(damaged(path, reply.problem))
      else resolve(reply.value)
    }
    const failed = (error: Error): void => {
      settle()
      reject(damaged(path, error.message))
    }
    const ended = (code: number): void => failed(new Error(`its reader ended with code ${code}`))
    const timer = setTimeout(() => {
      settle()
      void worker.terminate()
      reject(
        new DataError(
          'parquet-endless',
          `${path}: reading it as Parquet did not come to an end within ${Math.ceil(seconds)} seconds. It is damaged, or made to hold readers up; write it again.`,
        ),
      )
    }, seconds * 1000)
    const settle = (): void => {
      clearTimeout(timer)
      worker.off('message', answered).off('error', failed).off('exit', ended)
    }
    worker.on('message', answered).on('error', failed).on('exit', ended)
    worker.postMessage(request)
  })
}

export const damaged = (path: string, reason: string): DataError =>
  new DataError(
    'parquet-damaged',
    `${path}: the file cannot be read as Parquet (${reason}). It may be cut off; fetch or write it again.`,
  )

/** The thread's side. It is sent there as text, so it uses nothing but what it is given. */
function serve(
  load: (name: string) => Promise<unknown>,
  threads: { readonly parentPort: MessagePort; readonly workerData: { path: string; modules: Modules } },
): void {
  const { parentPort, workerData } = threads
  const { path, modules } = workerData
  type Hyparquet = typeof import('hyparquet')
  type Opened = {
    hyparquet: Hyparquet
    compressors: ParquetReadOptions['compressors']
    file: ParquetReadOptions['file']
    metadata: FileMetaData
  }
  const begin = async (): Promise<Opened> => {
    const hyparquet = (await load(modules.hyparquet)) as Hyparquet
    const { compressors } = (await load(modules.compressors)) as typeof import('hyparquet-compressors')
    const file = await hyparquet.asyncBufferFromFile(path)
    return { hyparquet, compressors, file, metadata: await hyparquet.parquetMetadataAsync(file) }
  }
  let opened: Promise<Opened> | undefined
  const answer = async (request: Request): Promise<unknown> => {
    opened ??= begin()
    const { hyparquet, compressors, file, metadata } = await opened
    if (request.type === 'open') return metadata
    let cells: unknown[][] = []
    const { rowStart, rowEnd, columns, useOffsetIndex } = request
    await hyparquet.parquetRead({
      file,
      metadata,
      ...(compressors && { compressors }),
      columns,
      utf8: false,
      useOffsetIndex,
      rowStart,
      rowEnd,
      onComplete: (rows) => {
        cells = rows as unknown[][]
      },
    })
    return cells
  }
  parentPort.on('message', (request: Request) => {
    answer(request).then(
      (value) => parentPort.postMessage({ value }),
      (error: unknown) =>
        parentPort.postMessage({ problem: error instanceof Error ? error.message : String(error) }),
    )
  })
}
