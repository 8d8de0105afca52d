() => {
    // What Gradio's components leave out for those who do not see, or do not use a mouse.

    // A range moved by the keyboard is "let go of" when the key is.
    const MOVES = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'];
    document.addEventListener('keyup', (event) => {
        if (event.target.type === 'range' && MOVES.includes(event.key))
            event.target.dispatchEvent(new PointerEvent('pointerup', { bubbles: true }));
    });

    // The before/after handle can be focused, and moved with the arrow keys.
    const STEP = 0.05;
    function drag(handle, to) {
        const mouse = (type, x) =>
            new MouseEvent(type, { bubbles: true, cancelable: true, view: window, clientX: x });
        const box = handle.getBoundingClientRect();
        handle.dispatchEvent(mouse('mousedown', box.left + box.width / 2));
        window.dispatchEvent(mouse('mousemove', to));
        window.dispatchEvent(mouse('mouseup', to));
    }
    document.addEventListener('keydown', (event) => {
        const handle = event.target.closest?.('.compare [data-testid="slider"]');
        const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!handle || !direction) return;
        event.preventDefault();
        const box = handle.getBoundingClientRect();
        const width = handle.parentElement.getBoundingClientRect().width;
        drag(handle, box.left + box.width / 2 + direction * STEP * width);
    });

    // 1:1 shows a pixel of the picture as one of the screen, or, if that is not more than is seen
    // already, as 2×2, 4×4, …; once more shows all of it. The slider zooms when two fingers move
    // apart: it is told that they do, by as much as is needed.
    function toggleZoom(slider, x, y) {
        const [before, after] = slider.querySelectorAll('.slider-wrap img');
        const view = slider.querySelector('.slider-wrap .content').getBoundingClientRect();
        const zoom = new DOMMatrix(getComputedStyle(after).transform).a;
        if (zoom !== 1) {
            slider.querySelector('.icon-button-wrapper button').click();
            return;
        }
        const pixel = 1 / window.devicePixelRatio;
        const fitted = Math.min(view.width / after.naturalWidth, view.height / after.naturalHeight);
        let wanted = pixel;
        while (wanted < fitted * 1.01) wanted *= 2;
        const factor = wanted / fitted;
        // The point that stays where it is; moved a little, so that pixels meet pixels.
        const still = (at, start, length, natural) => {
            const edge = start + (length - fitted * natural) / 2;
            const wish = at + (edge - at) * factor;
            return (Math.round(wish / pixel) * pixel - edge * factor) / (1 - factor);
        };
        const left = still(x, view.left, view.width, after.naturalWidth);
        const top = still(y, view.top, view.height, after.naturalHeight);
        const fingers = (type, apart) => {
            const touches = [-apart / 2, apart / 2].map((move) => ({ clientX: left + move, clientY: top }));
            const touch = new Event(type, { bubbles: true, cancelable: true });
            before.dispatchEvent(Object.assign(touch, { touches }));
        };
        fingers('touchstart', 100);
        fingers('touchmove', 100 * factor);
        document.dispatchEvent(Object.assign(new Event('touchend'), { touches: [] }));
    }
    document.addEventListener('click', (event) => {
        const slider = event.target.closest('.compare');
        const button = event.target.closest('button');
        if (!slider || !button || button.textContent.trim() !== '1:1') return;
        const box = slider.querySelector('.slider-wrap .content').getBoundingClientRect();
        toggleZoom(slider, box.left + box.width / 2, box.top + box.height / 2);
    });
    document.addEventListener('dblclick', (event) => {
        const slider = event.target.closest('.compare .slider-wrap')?.closest('.compare');
        if (slider) toggleZoom(slider, event.clientX, event.clientY);
    });

    // Names for what has none. The sliders are drawn anew now and then.
    function name() {
        for (const slider of document.querySelectorAll('.compare')) {
            const [before, after] = slider.querySelectorAll('.slider-wrap img');
            if (before && !before.alt) before.alt = 'The photo, before';
            if (after && !after.alt) after.alt = 'The result, after';
            const handle = slider.querySelector('[data-testid="slider"]');
            if (handle && handle.tabIndex !== 0) {
                handle.tabIndex = 0;
                handle.setAttribute('role', 'slider');
                handle.setAttribute('aria-label', 'Before and after');
                handle.setAttribute('aria-valuemin', '0');
                handle.setAttribute('aria-valuemax', '100');
                handle.setAttribute('aria-valuenow', '50');
            }
        }
        for (const caption of document.querySelectorAll('.caption:not([aria-live])'))
            caption.setAttribute('aria-live', 'polite');
    }
    new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
    name();
}
