// Starts what the page needs. Without any of it the pages still work, but for live updates and short cuts.

import { startAdmin } from "./admin.js";
import { startKeys } from "./keys.js";
import { startList } from "./list.js";
import { startRequest } from "./request.js";
import { startTimes } from "./times.js";

startTimes();
startKeys();
if (document.body.dataset.page === "waiting") startList();
if (document.querySelector("#request")) startRequest();
if (document.querySelector("#admin")) startAdmin();
