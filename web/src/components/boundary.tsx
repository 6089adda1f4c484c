/** Around a view: a fault in it is said in its place, and does not take the page away. */

import { Component, type ComponentChildren } from "preact";

export class Boundary extends Component<{ children: ComponentChildren }, { why: string }> {
  override state = { why: "" };

  static override getDerivedStateFromError(error: unknown): { why: string } {
    return { why: String(error) };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
  }

  override render() {
    if (this.state.why === "") return this.props.children;
    return (
      <div class="state failed" role="alert">
        <h1>This view has a fault</h1>
        <p>It could not be drawn: {this.state.why}. Nothing is lost: what is recorded is recorded.</p>
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </div>
    );
  }
}
