// What every page does: its header's menu, and an app that can be installed and says so when its server is away.

import { initHeaderMenu } from "./components/header_menu.js";

// It works without one, too.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});
initHeaderMenu();
// Tabs that do not fit on the screen: the one of this page is in sight.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
