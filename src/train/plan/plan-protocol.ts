import { z } from 'zod'

/** Which protocol a run follows, as its result names it. */
export const protocolMark = z.strictObject({
  name: z.string().min(1),
  version: z.int().min(1),
  /** Over its settings: the words that describe it left out, keys in order. */
  sha256: z.string(),
  /** Settings that are not the protocol's, by place: what was asked for instead. */
  changed: z.array(z.string()).min(1).optional(),
})
