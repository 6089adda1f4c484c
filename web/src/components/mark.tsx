/** The sign of ibconnect: a line that goes on, and the point that holds. As in the icon of index.html. */

export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="#0b5cad" />
    <path
      d="M6 22l6-7 5 4 7-9"
      fill="none"
      stroke="#fff"
      stroke-width="3"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
    <circle cx="25" cy="9" r="3" fill="#fff" />
  </svg>
);
