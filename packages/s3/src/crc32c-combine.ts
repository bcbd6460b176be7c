// Castagnoli, reflected: RFC 3720 section 12.1.
const POLYNOMIAL = 0x82f63b78;

/**
 * The CRC-32C of two pieces put together, from those of each: zeros are appended to the first by squaring the matrix of one zero bit.
 *
 * @param first of the first piece, hexadecimal
 * @param second of the second piece, hexadecimal
 * @param secondBytes length of the second piece in bytes
 */
export function combineCrc32c(first: string, second: string, secondBytes: number): string {
  let crc = Number.parseInt(first, 16) | 0;
  let even = square(square(oneZeroBit()));
  for (let left = secondBytes; left > 0; left = Math.floor(left / 2)) {
    even = square(even);
    if (left % 2 === 1) crc = times(even, crc);
  }
  return ((crc ^ Number.parseInt(second, 16)) >>> 0).toString(16).padStart(8, "0");
}

function oneZeroBit(): Int32Array {
  const matrix = new Int32Array(32);
  matrix[0] = POLYNOMIAL;
  for (let row = 1; row < 32; row++) matrix[row] = 1 << (row - 1);
  return matrix;
}

function square(matrix: Int32Array): Int32Array {
  return matrix.map((row) => times(matrix, row));
}

function times(matrix: Int32Array, vector: number): number {
  let sum = 0;
  for (let bits = vector >>> 0, row = 0; bits !== 0; bits >>>= 1, row++) if (bits & 1) sum ^= matrix[row] as number;
  return sum;
}
