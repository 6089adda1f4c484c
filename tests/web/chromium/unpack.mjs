/**
 * Unpacks the package's Chromium into $TMPDIR, and prints its path.
 *
 * The package unpacks the libraries that a bare machine lacks only where its environment is a function's of AWS.
 */

process.env.AWS_EXECUTION_ENV ??= "AWS_Lambda_nodejs22.x";
const { default: chromium } = await import("@sparticuz/chromium");
console.log(await chromium.executablePath());
