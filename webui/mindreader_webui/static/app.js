// Makes MindReader an app that can be installed, and that says so when its server is away.

// It works without one, too.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});
