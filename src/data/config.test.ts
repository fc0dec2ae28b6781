import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseConfig } from './config.ts'

const schema = z.strictObject({
  layout: z.enum(['NCHW', 'NHWC']).optional(),
  scale: z.number().positive().optional(),
  size: z.strictObject({ height: z.int().positive(), width: z.int().positive() }).optional(),
  fill: z.union([z.number().min(0).max(255), z.tuple([z.number(), z.number(), z.number()])]).optional(),
  token: z.string().nullish(),
  crop: z.boolean().nullish(),
  features: z.array(z.string().min(1)).min(1).optional(),
})

test.each([
  [{ layout: 'NCWH' }, 'layout: expected one of NCHW, NHWC, found "NCWH". Did you mean "NCHW"?'],
  [{ scale: 0 }, 'scale: expected a number above 0, found 0.'],
  [{ size: { height: 2 } }, 'size.width is missing; expected a whole number above 0.'],
  [{ fill: [1, 2] }, 'fill: expected a number from 0 to 255, or a list of 3 values, found [1,2].'],
  [{ token: 3 }, 'token: expected text, or nothing, found 3.'],
  [{ crop: 'yes' }, 'crop: expected true or false, or nothing, found "yes".'],
  [{ features: [''] }, 'features.0: expected text that is not empty, found "".'],
  [
    { laoyut: 'NCHW' },
    'there is no setting "laoyut"; known are layout, scale, size, fill, token, crop, features.',
  ],
  [[], 'the whole file: expected settings (layout, scale, size, fill, token, crop, …), found [].'],
])('%j is refused in our words', (value, words) => {
  const parse = () =>
    parseConfig(JSON.stringify(value), schema, 'vit, holdfast.json', 'preprocessing-invalid')
  expect(parse).toThrow(words)
  expect(parse).toThrow(expect.objectContaining({ code: 'preprocessing-invalid' }))
  expect(parse).toThrow(/^vit, holdfast\.json: /)
  expect(parse).not.toThrow(/Invalid|received/)
})
