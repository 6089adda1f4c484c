/** The page's entry: puts the page into the document. */

import { render } from "preact";
import "./main.css";

const root = document.getElementById("app");
if (root !== null) {
  render(<h1>ibconnect</h1>, root);
}
