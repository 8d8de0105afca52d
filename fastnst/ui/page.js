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
        const handle = event.target.closest?.('#slider [data-testid="slider"]');
        const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!handle || !direction) return;
        event.preventDefault();
        const box = handle.getBoundingClientRect();
        const width = handle.parentElement.getBoundingClientRect().width;
        drag(handle, box.left + box.width / 2 + direction * STEP * width);
    });

    // Names for what has none. The slider is drawn anew now and then.
    function name() {
        const [before, after] = document.querySelectorAll('#slider .slider-wrap img');
        if (before && !before.alt) before.alt = 'The photo, before';
        if (after && !after.alt) after.alt = 'The photo in the chosen style, after';
        const handle = document.querySelector('#slider [data-testid="slider"]');
        if (handle && handle.tabIndex !== 0) {
            handle.tabIndex = 0;
            handle.setAttribute('role', 'slider');
            handle.setAttribute('aria-label', 'Before and after');
            handle.setAttribute('aria-valuemin', '0');
            handle.setAttribute('aria-valuemax', '100');
            handle.setAttribute('aria-valuenow', '50');
        }
        const caption = document.querySelector('#caption');
        if (caption && !caption.hasAttribute('aria-live')) caption.setAttribute('aria-live', 'polite');
    }
    new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
    name();
}
