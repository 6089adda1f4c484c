/** Where the page begins. */

import "uplot/dist/uPlot.min.css";
import "./styles/page.css";
import "./styles/frame.css";
import "./styles/recorder.css";
import { render } from "preact";
import { App } from "./app";
import { begin } from "./theme";

begin();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
