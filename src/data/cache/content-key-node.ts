import { hash } from 'node:crypto'

/** The key of content in a cache of rows: its SHA-256, one character a byte. */
export const contentKey = (content: Uint8Array): string => hash('sha256', content, 'binary')
