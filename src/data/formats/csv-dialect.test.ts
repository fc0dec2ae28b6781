import { expect, test } from 'vitest'
import { findDialect, parseNumber } from './csv-dialect.ts'

const found = (text: string, asked = {}) => findDialect(text, true, 'x.csv', asked)

test('what parts the columns is found by the header and held against the rows', () => {
  const delimiters: readonly (readonly [string, string])[] = [
    ['a,b,label\n1,2,x\n', ','],
    ['a;b;label\n1;2;x\n', ';'],
    ['a\tb\tlabel\n1\t2\tx\n', '\t'],
    ['a|b|label\n1|2|x\n', '|'],
    ['text\n"hello; you"\n', ','],
    ['text;label\n"hello, you";x\n"a, b";y\n', ';'],
    ['text,label\n"a; b",x;y\n', ','],
    ['f1;f2;label\n1,5;2,5;x\n', ';'],
    ['text\tlabel\nwell, well\tx\n', '\t'],
    ['sep=;\na;b\n1;2\n', ';'],
    ['SEP=|\r\na|b\r\n1|2\r\n', '|'],
  ]
  for (const [text, delimiter] of delimiters) {
    expect([text, found(text).dialect.delimiter]).toEqual([text, delimiter])
  }
  expect(found('a;b,c\n1;2,3\n', { delimiter: ';' }).dialect.delimiter).toBe(';')
  expect(found('a;b\n1;2\n').notes).toEqual(["x.csv: ';' parts the columns."])
  expect(found('a,b\n1,2\n').notes).toEqual([])
})

test('a decimal comma is recognised, and a comma that may stand for thousands is asked about', () => {
  expect(found('a;b\n1,5;x\n2;y\n').dialect.decimal).toBe(',')
  expect(found('a;b\n1.5;x\n').dialect.decimal).toBe('.')
  expect(found('a;b\n1,234;x\n0,5;y\n').dialect.decimal).toBe(',')
  expect(() => found('a;b\n1,234;x\n')).toThrow("'1,234' may have a decimal comma or be in the thousands")
  expect(found('a;b\n1,234;x\n', { decimal: ',' }).dialect.decimal).toBe(',')
  // Commas part the columns: a quoted one is left to whoever reads the number.
  expect(found('a,b\n"1,5",x\n').dialect.decimal).toBe('.')
})

test('spaces between a delimiter and a quote', () => {
  expect(found('text, label\n"a", "b"\n').dialect.trim).toBe(true)
  expect(found('text,label\n" a ",b\n c,d\n').dialect.trim).toBe(false)
})

test('numbers of both kinds', () => {
  for (const [cell, decimal, value] of [
    ['1.5', '.', 1.5],
    [' -2e3 ', '.', -2000],
    ['1,5', ',', 1.5],
    ['-1.234,5', ',', -1234.5],
    ['7', ',', 7],
    ['.5', '.', 0.5],
  ] as const) {
    expect([cell, parseNumber(cell, decimal)]).toEqual([cell, value])
  }
  for (const cell of ['', 'x', '0x10', 'Infinity', 'NaN', '1,5', '1 000', '50%']) {
    expect([cell, parseNumber(cell, '.')]).toEqual([cell, Number.NaN])
  }
})
