// The texts of the pages in both languages, from the catalogue that the program is built with.
import { readFileSync } from 'node:fs';

export type Language = 'en' | 'ko';

/** What each language is called on the button that chooses it. */
export const OWN_NAMES: Record<Language, string> = { en: 'English', ko: '한국어' };

const KOREAN = catalogue(readFileSync(new URL('../../locales/ko.po', import.meta.url), 'utf8'));

/** A text in a language. As on the pages, it is the English one if there is no translation. */
export function text(language: Language, english: string, context = ''): string {
  return (language === 'ko' && KOREAN.get(key(english, context))) || english;
}

function key(english: string, context: string): string {
  return `${context}\n${english}`;
}

/** The entries of a PO file, whose escapes are those of JSON. */
function catalogue(file: string): Map<string, string> {
  const entries = file.split(/\n{2,}/).map((entry): [string, string] => {
    const field = (keyword: string) => {
      const [, quoted] = new RegExp(`^${keyword} ((?:".*"\n?)+)`, 'm').exec(entry) ?? ['', ''];
      const lines = quoted.split('\n').filter(line => line !== '');
      return lines.map(line => JSON.parse(line) as string).join('');
    };
    return [key(field('msgid'), field('msgctxt')), field('msgstr')];
  });
  return new Map(entries);
}
