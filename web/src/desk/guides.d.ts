declare module '*.md' {
  import type { Block } from '../../tools/guides';
  const blocks: Block[];
  export default blocks;
}
