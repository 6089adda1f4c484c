/** Style sheets are bundled by build.mjs; a picture that is imported is its data URL. */
declare module "*.css";
declare module "*.svg" {
  const url: string;
  export default url;
}
