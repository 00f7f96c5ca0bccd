/** Return the items grouped by the key from `of`, in the order of the first item of each group. Pure. */
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
