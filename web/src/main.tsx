/** Where the page begins. */

import "uplot/dist/uPlot.min.css";
import "./styles/palette.css";
import "./styles/elements.css";
import "./styles/bar.css";
import "./styles/panels.css";
import "./styles/tables.css";
import "./styles/states.css";
import "./styles/frame.css";
import "./styles/recorder.css";
import "./styles/sources.css";
import "./styles/compare.css";
import { render } from "preact";
import { App } from "./app";
import { begin } from "./theme";

begin();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
