/**
 * Converts a canvas picture to the format of cameras: luminance and two colour planes at half the size, by ITU-R BT.601.
 * WebRTC sends no information about the colour format, and receivers assume BT.601. A browser alone would convert a canvas by
 * BT.709.
 */

export interface Planes {
  width: number;
  height: number;
  /** I420: all of Y, then U, then V. */
  bytes: Uint8Array<ArrayBuffer>;
}

export const COLOURS: VideoColorSpaceInit = { primaries: 'smpte170m', transfer: 'smpte170m', matrix: 'smpte170m', fullRange: false };

/** Return the planes of a picture. `into`: the planes of the last picture, which are filled again if the size is equal. */
export function planes({ data, width, height }: Pick<ImageData, 'data' | 'width' | 'height'>, into: Planes | null): Planes {
  const across = (width + 1) >> 1;
  const down = (height + 1) >> 1;
  const made = into?.width === width && into.height === height ? into : { width, height, bytes: new Uint8Array(width * height + 2 * across * down) };
  const { bytes } = made;
  const u = width * height;
  const v = u + across * down;
  let pixel = 0;
  for (let y = 0; y < height; y += 1) {
    let colour = (y >> 1) * across;
    for (let x = 0; x < width; x += 1, pixel += 1) {
      const red = data[4 * pixel]!;
      const green = data[4 * pixel + 1]!;
      const blue = data[4 * pixel + 2]!;
      bytes[pixel] = (66 * red + 129 * green + 25 * blue + 4224) >> 8;
      if (((x | y) & 1) === 0) {
        bytes[u + colour] = (112 * blue - 74 * green - 38 * red + 32896) >> 8;
        bytes[v + colour] = (112 * red - 94 * green - 18 * blue + 32896) >> 8;
        colour += 1;
      }
    }
  }
  return made;
}
