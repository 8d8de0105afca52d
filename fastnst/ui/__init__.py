"""The page: one module for each tab, put together in `fastnst.ui.page`."""
