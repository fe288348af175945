/** Any usual spelling (colons, dashes, dots or nothing) as lower case with colons; undefined = none. */
export const macOf = (text: string): string | undefined => {
  const separated = /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text);
  const dotted = /^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(text);
  if (!separated && !dotted && !/^[0-9a-f]{12}$/i.test(text)) return undefined;
  const digits = text.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
  return digits.match(/../g)?.join(':');
};

/** As boot loaders put it into file names: 52-54-00-12-34-56. */
export const macInFileName = (mac: string): string => mac.replaceAll(':', '-');
