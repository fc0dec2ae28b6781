import { DataError, UsageError } from '../../errors.ts'

/** Bytes of a text file to text, chunk by chunk. */
export interface TextDecoding {
  /** The text of these bytes, but for a character that they end within. */
  readonly push: (bytes: Uint8Array) => string
  /** The text of what is left. */
  readonly end: () => string
  /** What people should be told of: an encoding that was recognised, characters that were lost before. */
  readonly notes: () => readonly string[]
}

const replacement = '\uFFFD'

/**
 * Decodes text that is UTF-8, or what its byte order mark says, or UTF-16 where every other byte of ASCII is zero. Anything else is refused with its
 * place, as bytes alone do not tell one old code page from the other.
 *
 * @param file Named in errors and notes.
 * @param encoding A label of the Encoding Standard, such as `windows-1252`, for files that are neither.
 * @throws UsageError `encoding-unknown`; DataError `text-encoding` with line and byte, `text-binary` for files that are no text.
 * @example
 * const decoding = textDecoding('train.csv')
 * const text = decoding.push(bytes) + decoding.end()
 */
export function textDecoding(file: string, encoding?: string): TextDecoding {
  const asked = encoding === undefined ? undefined : foreignDecoder(encoding, file)
  let decode: ((bytes: Uint8Array, last: boolean) => string) | undefined = asked
  let recognised: string | undefined
  let lost = 0
  const take = (bytes: Uint8Array, last: boolean): string => {
    if (decode === undefined) {
      const kind = kindOf(bytes, file)
      recognised = kind === 'utf-8' ? undefined : kind
      decode = kind === 'utf-8' ? utf8Decoder(file) : foreignDecoder(kind, file)
    }
    const text = decode(bytes, last)
    for (let at = text.indexOf(replacement); at >= 0; at = text.indexOf(replacement, at + 1)) lost++
    return text
  }
  return {
    push: (bytes) => take(bytes, false),
    end: () => take(new Uint8Array(), true),
    notes: () => [
      ...(recognised ? [`${file} is read as ${recognised.toUpperCase()}, as its first bytes say.`] : []),
      ...(lost > 0
        ? [
            `${file} holds ${lost} replacement character${lost === 1 ? '' : 's'} (U+FFFD): whoever wrote it had read it in a wrong encoding before. What stood there is lost.`,
          ]
        : []),
    ],
  }
}

/** A whole text from its bytes, by {@link textDecoding}. */
export function decodeText(bytes: Uint8Array, file: string, encoding?: string): string {
  const decoding = textDecoding(file, encoding)
  return decoding.push(bytes) + decoding.end()
}

/** What begins so is no text, whatever its name. */
const binaries: readonly (readonly [string, string])[] = [
  ['PK\u0003\u0004', 'a zip archive, as Excel workbooks are. Export the sheet as CSV'],
  ['PAR1', 'Parquet. Call it .parquet'],
  ['\u00D0\u00CF\u0011\u00E0', 'an old Excel workbook. Export the sheet as CSV'],
  ['ARROW1', 'Arrow. Write it as Parquet'],
  ['\u0028\u00B5\u002F\u00FD', 'packed with zstd. Unpack it'],
  ['BZh', 'packed with bzip2. Unpack it'],
  ['\u00FD7zXZ', 'packed with xz. Unpack it'],
]

function kindOf(head: Uint8Array, file: string): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = head
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  const start = String.fromCharCode(...head.subarray(0, 8))
  const binary = binaries.find(([magic]) => start.startsWith(magic))
  if (binary) throw new DataError('text-binary', `${file}: expected text, found ${binary[1]}.`)
  const sample = head.subarray(0, 4096)
  const zeros = [0, 1].map((parity) => sample.filter((byte, at) => byte === 0 && at % 2 === parity).length)
  const [even = 0, odd = 0] = zeros
  const most = sample.length / 4
  // Text of mostly ASCII: a zero in every other byte, and in none of the others.
  if (odd > most && even === 0) return 'utf-16le'
  if (even > most && odd === 0) return 'utf-16be'
  return 'utf-8'
}

function foreignDecoder(label: string, file: string): (bytes: Uint8Array, last: boolean) => string {
  const decoder = decoderOf(label)
  let offset = 0
  return (bytes, last) => {
    const before = offset
    offset += bytes.length
    try {
      return decoder.decode(bytes, { stream: !last })
    } catch (cause) {
      throw new DataError(
        'text-encoding',
        `${file}: bytes ${before} to ${offset} are not all ${label}. Name the encoding that it was written in (encoding).`,
        { cause },
      )
    }
  }
}

function decoderOf(label: string): TextDecoder {
  try {
    return new TextDecoder(label, { fatal: true })
  } catch (cause) {
    throw new UsageError(
      'encoding-unknown',
      `There is no encoding "${label}" (encoding). Known are utf-8, utf-16le, windows-1252 (also for Latin-1), iso-8859-2, windows-1251, koi8-r, shift_jis, euc-kr, gb18030 and the other labels of the Encoding Standard.`,
      { cause },
    )
  }
}

function utf8Decoder(file: string): (bytes: Uint8Array, last: boolean) => string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let carry = new Uint8Array()
  let offset = 0
  let line = 1
  let started = false
  return (bytes, last) => {
    const joined = carry.length === 0 ? bytes : concatenated(carry, bytes)
    const end = last ? joined.length : joined.length - openTail(joined)
    let text: string
    try {
      text = decoder.decode(joined.subarray(0, end))
    } catch {
      throw wrongByte(joined, offset, line, file)
    }
    carry = joined.slice(end)
    offset += end
    const zero = text.indexOf('\0')
    if (zero >= 0) {
      throw new DataError(
        'text-binary',
        `${file}, line ${line + lineEnds(text.slice(0, zero))}: expected text, found a zero byte. Is it another format, or damaged?`,
      )
    }
    line += lineEnds(text)
    if (started || text === '') return text
    started = true
    return text.replace(/^\uFEFF/, '')
  }
}

function lineEnds(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}

/** How many bytes at the end begin a character that goes on behind it. */
function openTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < sequenceLength(byte) ? back : 0
  }
  return 0
}

const sequenceLength = (lead: number): number => (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2)

/** The place of the first byte that is not UTF-8. */
function firstWrong(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const fits = (end: number): boolean => {
    try {
      const part = bytes.subarray(0, end)
      decoder.decode(part.subarray(0, end - openTail(part)))
      return true
    } catch {
      return false
    }
  }
  // Prefixes decode up to the wrong byte, and no longer.
  let good = 0
  let bad = bytes.length + 1
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (fits(middle)) good = middle
    else bad = middle
  }
  return good - (good < bytes.length ? 0 : openTail(bytes))
}

function wrongByte(bytes: Uint8Array, offset: number, line: number, file: string): DataError {
  const at = Math.min(firstWrong(bytes), bytes.length - 1)
  // The character may have begun before the byte that shows it to be wrong.
  const start = at - openTail(bytes.subarray(0, at))
  const before = bytes.subarray(0, start)
  const lines = line + before.filter((byte) => byte === 0x0a).length
  const hex = (bytes[start] ?? 0).toString(16).toUpperCase().padStart(2, '0')
  const from = Math.max(before.lastIndexOf(0x0a) + 1, start - 20)
  const stop = bytes.indexOf(0x0a, start)
  const around = bytes.subarray(from, Math.min(stop < 0 ? bytes.length : stop, start + 20))
  const shown = new TextDecoder('windows-1252').decode(around).replace(/\r$/, '')
  return new DataError(
    'text-encoding',
    `${file}, line ${lines}, byte ${offset + start}: expected UTF-8, found the byte ${hex}. As windows-1252 it reads "${shown}". If that is right, name this encoding (encoding); else the one that the file was written in, or save it as UTF-8.`,
  )
}
