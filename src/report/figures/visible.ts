/**
 * What a page or a terminal does not show, or obeys: control characters but tab and line feed, lone surrogates, what Unicode
 * says is no character, signs that turn the direction of reading, line separators, and the byte order mark.
 */
const unseen =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]|\p{Surrogate}|\p{Noncharacter_Code_Point}/gu

/**
 * Text with what cannot be seen in it written out, `\u202E`: names from files stay apart, and cannot pass for others, steer a
 * terminal or break a file format.
 *
 * @example visible('a\u001B[31m') // 'a\\u001B[31m'
 */
export const visible = (text: string): string =>
  text.replace(unseen, (sign) => {
    const code = (sign.codePointAt(0) ?? 0).toString(16).toUpperCase()
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`
  })
