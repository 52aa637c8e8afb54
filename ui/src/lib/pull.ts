type Pull = {
  /** How far it is pulled; 1 is far enough. */
  onmove: (far: number) => void;
  onpull: () => void;
};

const ENOUGH_PX = 84;
const SLACK_PX = 12;

/** Tells when the finger pulls a list down that already stands at its top. */
export function pull({ onmove, onpull }: Pull) {
  return (element: HTMLElement) => {
    let start: number | null = null;
    let far = 0;

    function begin(event: TouchEvent): void {
      const target = event.target as Element;
      const scroller = target.closest<HTMLElement>('.scroll');
      const atTop = scroller === null || scroller.scrollTop <= 0;
      start = atTop && target.closest('textarea, input, dialog') === null ? (event.touches[0]?.clientY ?? null) : null;
      far = 0;
    }

    function move(event: TouchEvent): void {
      if (start === null) return;
      const by = (event.touches[0]?.clientY ?? start) - start - SLACK_PX;
      far = Math.min(1, Math.max(0, by / ENOUGH_PX));
      onmove(far);
    }

    function end(event: TouchEvent): void {
      if (start !== null && far >= 1 && event.type === 'touchend') onpull();
      start = null;
      far = 0;
      onmove(0);
    }

    const stop = new AbortController();
    const options = { passive: true, signal: stop.signal };
    element.addEventListener('touchstart', begin, options);
    element.addEventListener('touchmove', move, options);
    element.addEventListener('touchend', end, options);
    element.addEventListener('touchcancel', end, options);
    return () => stop.abort();
  };
}
