/** Items by what `of` gives, in the order in which each first comes. Pure. */
export function grouped<Item, Key>(items: readonly Item[], of: (item: Item) => Key): [Key, Item[]][] {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = of(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups];
}
