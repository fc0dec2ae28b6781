import { sha256 as portable } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** A SHA-256 that takes its input in pieces. */
export interface Sha256 {
  /** Takes in bytes, or the UTF-8 of a string. */
  update(input: Uint8Array | string): Sha256
  /** The digest of all that was taken in, as 64 hexadecimal digits. Ends the use of this object. */
  hex(): string
}

// Node's own is several times as fast, on the many short rows of a data set above all, and can be had without an import that
// a browser would stumble over.
const native = globalThis.process?.getBuiltinModule?.('node:crypto')?.createHash

/**
 * A SHA-256 that takes its input in pieces (FIPS 180-4), synchronous everywhere: Node's own where there is one.
 *
 * @example
 * sha256().update(new TextEncoder().encode('abc')).hex() // 'ba7816bf…'
 */
export const sha256 = (): Sha256 => (native ? nativeSha256(native) : portableSha256())

function nativeSha256(createHash: NonNullable<typeof native>): Sha256 {
  const hash = createHash('sha256')
  const self: Sha256 = {
    update: (input) => {
      hash.update(input)
      return self
    },
    hex: () => hash.digest('hex'),
  }
  return self
}

/** The same where there is no Node. */
export function portableSha256(): Sha256 {
  const hash = portable.create()
  const self: Sha256 = {
    update: (input) => {
      hash.update(typeof input === 'string' ? new TextEncoder().encode(input) : input)
      return self
    },
    hex: () => bytesToHex(hash.digest()),
  }
  return self
}
