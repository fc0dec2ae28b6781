import { dirname } from 'node:path'
import { DataError, EnvironmentError } from '../../errors.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { makeFolder } from '../../tensor/writes-files.ts'

export interface DownloadProgress {
  readonly file: string
  readonly received: number
  /** As the server announces it; undefined when it does not. */
  readonly total: number | undefined
}

export interface DownloadOptions {
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Gives a server up when nothing has come for this long; default 30,000. */
  readonly timeoutMilliseconds?: number | undefined
  /** How often the list of servers is gone through; default 2. */
  readonly rounds?: number | undefined
}

/**
 * Fetches one file, trying each address in turn, and puts it at `path` only when it is whole and `check` has nothing against it:
 * written beside, synced, renamed.
 *
 * @param check Throws a DataError when the bytes are not what was wanted.
 * @throws EnvironmentError `download-failed` with what each server did; DataError `download-checksum` when all that could be fetched
 * was refused by `check`; the signal's reason when aborted.
 */
export async function downloadFile(
  urls: readonly string[],
  path: string,
  check: (bytes: Uint8Array) => void,
  options: DownloadOptions = {},
): Promise<void> {
  const failures: string[] = []
  let refused: DataError | undefined
  for (let round = 0; round < (options.rounds ?? 2); round++) {
    for (const url of urls) {
      options.signal?.throwIfAborted()
      try {
        const bytes = await fetchBytes(url, path, options)
        check(bytes)
        await makeFolder(dirname(path))
        await writeWhole(path, bytes)
        return
      } catch (error) {
        if (options.signal?.aborted) throw options.signal.reason
        if (error instanceof DataError) refused = error
        else if (!(error instanceof FetchFailure)) throw error
        failures.push(`${url}: ${error.message}`)
      }
    }
  }
  const tried = [...new Set(failures)].join('; ')
  if (refused) {
    throw new DataError(
      'download-checksum',
      `${path} was not written, because no server had the expected content. ${tried}. Try again later, or place the file there by hand.`,
      { cause: refused },
    )
  }
  throw new EnvironmentError(
    'download-failed',
    `${path} could not be fetched. ${tried}. Check the network, or place the file there by hand.`,
  )
}

/** What went wrong on the way from one server, so that the next may be tried. */
class FetchFailure extends Error {}

async function fetchBytes(url: string, path: string, options: DownloadOptions): Promise<Uint8Array> {
  const limit = options.timeoutMilliseconds ?? 30_000
  const stalled = new AbortController()
  const stall = () => stalled.abort(new FetchFailure(`nothing came for ${limit / 1000} s`))
  let timer = setTimeout(stall, limit)
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal
  try {
    const response = await fetch(url, { signal })
    if (!response.ok || !response.body)
      throw new FetchFailure(`the server answered ${response.status} ${response.statusText}`)
    const announced = response.headers.get('content-length')
    const total = announced === null ? undefined : Number(announced)
    const chunks: Uint8Array[] = []
    let received = 0
    for await (const chunk of response.body) {
      clearTimeout(timer)
      timer = setTimeout(stall, limit)
      chunks.push(chunk)
      received += chunk.length
      options.onProgress?.({ file: path, received, total })
    }
    return Buffer.concat(chunks)
  } catch (error) {
    if (stalled.signal.aborted) throw stalled.signal.reason
    // `fetch` reports every failure of the network as a TypeError and puts the reason into its cause.
    if (error instanceof TypeError) {
      const reason = error.cause instanceof Error ? error.cause.message || error.cause.name : ''
      throw new FetchFailure(reason ? `${error.message} (${reason})` : error.message, { cause: error })
    }
    throw error
  } finally {
    clearTimeout(timer)
  }
}
