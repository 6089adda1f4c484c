/**
 * Runs in the page before its own scripts, for bench/page.py: what waits for frames, and what notes them.
 *
 * Times are milliseconds of the document's own clock.
 */

/** The time of the first frame in which `ready()` holds. */
window.benchWait = (ready) =>
  new Promise((resolve) => {
    const look = () => {
      if (ready()) requestAnimationFrame(() => resolve(performance.now()));
      else requestAnimationFrame(look);
    };
    look();
  });

/** The times of all frames from now on, so many seconds long. */
window.benchFrames = (seconds) =>
  new Promise((resolve) => {
    const frames = [];
    const end = performance.now() + seconds * 1000;
    const frame = (now) => {
      frames.push(now);
      if (now < end) requestAnimationFrame(frame);
      else resolve(frames);
    };
    requestAnimationFrame(frame);
  });

window.benchHasFigures = () =>
  document.querySelector("main .figure") !== null && document.querySelector("main .loading") === null;

/** Milliseconds from a change of the address until the other view is there, and nothing in it is awaited. */
window.benchOpen = async (hash) => {
  const title = () => document.querySelector("main h1")?.textContent;
  const before = title();
  const began = performance.now();
  location.hash = hash;
  const ready = () => title() && title() !== before && document.querySelector("main .loading") === null;
  return (await benchWait(ready)) - began;
};

/** Milliseconds from the last byte of the history to the frame with its curve, and how long the history itself took. */
window.benchDraw = async (hash) => {
  performance.clearResourceTimings();
  location.hash = hash;
  const asked = () =>
    performance.getEntriesByType("resource").find((each) => each.name.includes("/history?") && each.responseEnd > 0);
  const drawn = await benchWait(
    () => asked() && document.querySelector('.plot[aria-label*="snapshots"] canvas') !== null,
  );
  return [drawn - asked().responseEnd, asked().duration];
};
